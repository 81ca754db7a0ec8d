"""Vote-k (Su et al. 2023): a few candidates by fast vote-k; then, from least to most confident, the most voted for.

A tenth of the k (at least one) is chosen by fast vote-k and stands in the prompt of every candidate. The other ones
are sorted by the probability of the answer that the model then prefers, and parted into k parts of equal size; from
each of the first parts, all but the most confident tenth, comes the candidate with most votes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.feature import features_of, names_of
from benchmark.selection.graph import neighbours
from benchmark.selection.pool import Members, Pool, Prompts
from benchmark.selection.selector import Selector, complete, label_distribution, register, require_choices
from benchmark.selection.selectors.fast_vote_k import NEIGHBOURS, scores, vote


@dataclass(frozen=True, kw_only=True)
class VoteK(Selector):
    """Needs the labels of the first tenth that it chose, and of no other candidate."""

    name: str = "vote_k"
    nested: bool = False

    def plan(self, pool: Pool, k: int, generator: np.random.Generator) -> Prompts:
        pool.require(k)
        require_choices(pool)
        order = pool.shuffled(generator)
        first = order[vote(self._nearest(pool, order), max(1, k // 10))]
        return Prompts(np.tile(first, (len(pool), 1)), np.arange(len(pool)), "pool", "choices")

    def count_prompts(self, n_candidates: int, n_asked: int) -> int:
        return n_candidates

    def _nearest(self, pool: Pool, order: NDArray[np.int64]) -> NDArray[np.int64]:
        return neighbours(features_of(pool, self.features).candidates[order], NEIGHBOURS)[0]

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        confidence = label_distribution(pool).max(axis=1)
        assert pool.prompts is not None
        order = pool.shuffled(generator)
        place = np.argsort(order)
        nearest = self._nearest(pool, order)
        chosen = [int(i) for i in place[pool.prompts.members[0]]]
        by_confidence = np.argsort(np.round(confidence[order], 9), kind="stable")
        by_confidence = by_confidence[~np.isin(by_confidence, chosen)]
        for part in np.array_split(by_confidence, k)[: k - len(chosen)]:
            votes = np.round(scores(nearest, chosen), 9)[part]
            if len(part):
                chosen.append(int(part[votes.argmax()]))
        return order[complete(chosen, k, len(pool))]


@register("vote_k")
def vote_k(pool: Pool) -> Iterator[VoteK]:
    """vote-k: fast vote-k spread over the model's confidence; one prompt a candidate"""
    return (VoteK(features=features) for features in names_of(pool, asking=True))
