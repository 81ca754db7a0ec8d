"""A determinantal point process: candidates near the queries set aside that differ from one another.

L = r S r with S = (cosine + 1) / 2 and r = exp((relevance - its maximum) / 0.2), relevance being the mean cosine to the
queries set aside (Ye et al. 2023); the greedy maximum of det(L of the chosen) as in Chen et al. 2018.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.feature import cosines, features_of, names_of
from benchmark.selection.pool import Members, Pool, Rows
from benchmark.selection.selector import Needs, Selector, complete, register

SCALE = 0.2
RANK = 1e-9  # of the largest variance: below it, a candidate is a combination of those chosen

NEEDS = Needs(queries="set_aside")


@dataclass(frozen=True, kw_only=True)
class DPP(Selector):
    """Stops where L has no rank left, as with duplicates; the rest comes by relevance."""

    name: str = "dpp"
    needs: Needs = NEEDS

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        order = pool.shuffled(generator)
        features = features_of(pool, self.features)
        assert features.queries is not None
        rows = features.candidates[order]
        relevance = np.asarray(rows @ features.queries.mean(axis=0), dtype=np.float64).round(9)
        by_relevance = np.argsort(-relevance, kind="stable")
        return order[complete([*greedy(rows, relevance, k), *by_relevance], k, len(pool))]


def greedy(rows: Rows, relevance: NDArray[np.float64], k: int) -> list[int]:
    """At most k rows, fewer where L has no such rank; the matrix L is never formed, only the chosen rows of it."""
    weight = np.exp((relevance - relevance.max()) / SCALE)
    lengths = rows.multiply(rows).sum(axis=1) if not isinstance(rows, np.ndarray) else (rows**2).sum(axis=1)
    variance = weight**2 * (np.asarray(lengths, dtype=np.float64) + 1) / 2
    least = RANK * variance.max()
    factors = np.empty((k, len(weight)))  # of the Cholesky factor: a row for each chosen candidate
    chosen: list[int] = []
    while len(chosen) < k:
        best = int(np.round(variance / least * RANK, 12).argmax())
        if variance[best] <= least:
            break
        step = len(chosen)
        likeness = weight * weight[best] * (cosines(rows, rows[[best]])[:, 0] + 1) / 2
        factors[step] = (likeness - factors[:step].T @ factors[:step, best]) / np.sqrt(variance[best])
        variance = variance - factors[step] ** 2
        variance[best] = -np.inf
        chosen.append(best)
    return chosen


@register("dpp")
def dpp(pool: Pool) -> Iterator[DPP]:
    """determinantal point process: near the queries set aside, and different from one another"""
    return (DPP(features=features) for features in names_of(pool, of_queries=True))
