"""Fast vote-k (Su et al. 2023): candidates that many others have among their nearest, and that differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.feature import features_of, names_of
from benchmark.selection.graph import neighbours
from benchmark.selection.pool import Members, Pool
from benchmark.selection.selector import Selector, register

NEIGHBOURS = 150
DISCOUNT = 10.0


@dataclass(frozen=True, kw_only=True)
class FastVoteK(Selector):
    """Greedy by the votes of the candidates that are not chosen."""

    name: str = "fast_vote_k"

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        order = pool.shuffled(generator)
        return order[vote(neighbours(features_of(pool, self.features).candidates[order], NEIGHBOURS)[0], k)]


def vote(nearest: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """k rows by vote-k over the graph in which each row votes for its `nearest` int64 [n, m]: int64 [k].

    score(u) is the sum over the rows v that vote for u and are not chosen of 10 to the power of minus the number of
    chosen ones that v votes for. The highest is chosen, then scores are taken anew.
    """
    chosen: list[int] = []
    for _ in range(k):
        votes = np.round(scores(nearest, chosen), 9)
        votes[chosen] = -np.inf
        chosen.append(int(votes.argmax()))
    return np.array(chosen, dtype=np.int64)


def scores(nearest: NDArray[np.int64], chosen: list[int]) -> NDArray[np.float64]:
    """The votes for each row, float64 [n], after `chosen` were chosen."""
    taken = np.zeros(len(nearest), dtype=bool)
    taken[chosen] = True
    weight = DISCOUNT ** -taken[nearest].sum(axis=1).astype(np.float64)
    weight[chosen] = 0
    weights = np.repeat(weight, nearest.shape[1])
    return np.bincount(nearest.ravel(), weights, minlength=len(nearest)).astype(np.float64)  # int where none votes


@register("fast_vote_k")
def fast_vote_k(pool: Pool) -> Iterator[FastVoteK]:
    """fast vote-k: candidates that many others are near to, discounted where those are covered"""
    return (FastVoteK(features=features) for features in names_of(pool))
