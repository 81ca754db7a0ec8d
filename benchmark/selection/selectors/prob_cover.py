"""ProbCover (Yehuda et al. 2022): balls around the chosen candidates that cover the most of the pool.

Our own: scikit-activeml's ProbCover takes 13 s and 1.6 GB for 10,000 candidates, for it compares all pairs for every
radius that it tries. The radius is the same: the largest at which `PURITY` of the balls hold one cluster only. A ball
is pure while its radius is below the distance to the nearest candidate of another cluster: the radius is a quantile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.clusters import k_means
from benchmark.selection.feature import features_of, names_of, products
from benchmark.selection.graph import BLOCK
from benchmark.selection.pool import Members, Pool, Rows
from benchmark.selection.selector import Selector, complete, register

PURITY = 0.95
CLUSTERS = 10  # where the task has no labels to count


@dataclass(frozen=True, kw_only=True)
class ProbCover(Selector):
    """Each step takes the candidate whose ball covers the most that no ball covers yet; then the rest at random."""

    name: str = "prob_cover"

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        order = pool.shuffled(generator)
        rows = features_of(pool, self.features).candidates[order]
        clusters, _ = k_means(rows, pool.n_choices or CLUSTERS, generator)
        return order[complete(cover(within(rows, least_cosine(rows, clusters)), k), k, len(pool))]


def least_cosine(rows: Rows, clusters: NDArray[np.int64]) -> float:
    """The lowest cosine whose balls are pure for at least `PURITY` of the candidates: the larger a ball, the lower."""
    n = rows.shape[0]
    nearest_other = np.empty(n)  # the highest cosine to a candidate of another cluster
    for start in range(0, n, BLOCK):
        block = np.arange(start, min(start + BLOCK, n))
        likeness = products(rows[block], rows)
        nearest_other[block] = np.where(clusters[block, None] != clusters, likeness, -np.inf).max(axis=1)
    impure = n - int(np.ceil(PURITY * n))  # so many balls may hold two clusters
    return float(np.sort(nearest_other)[::-1][impure])


def within(rows: Rows, least: float) -> NDArray[np.bool_]:
    """Whether j lies in the ball of i: its cosine is above `least`, or it is i; bool [n, n]."""
    n = rows.shape[0]
    covers = np.empty((n, n), dtype=bool)
    for start in range(0, n, BLOCK):
        block = np.arange(start, min(start + BLOCK, n))
        covers[block] = products(rows[block], rows) > least
    np.fill_diagonal(covers, True)
    return covers


def cover(covers: NDArray[np.bool_], k: int) -> list[int]:
    """Greedy maximum coverage; at most k rows of `covers`, fewer once all is covered."""
    left = covers.sum(axis=1)
    open_ones = np.ones(len(covers), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < k and left.max() > 0:
        best = int(left.argmax())
        new = np.flatnonzero(covers[best] & open_ones)
        open_ones[new] = False
        left -= covers[:, new].sum(axis=1)
        chosen.append(best)
    return chosen


@register("prob_cover")
def prob_cover(pool: Pool) -> Iterator[ProbCover]:
    """ProbCover: candidates whose neighbourhoods cover the most of the pool"""
    return (ProbCover(features=features) for features in names_of(pool))
