"""Candidates that cover the pool: greedy k-centre (Sener and Savarese 2018; core-set), by cosine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.selection.feature import cosines, features_of, names_of
from benchmark.selection.pool import Members, Pool
from benchmark.selection.selector import Selector, register, top


@dataclass(frozen=True, kw_only=True)
class KCentre(Selector):
    """Starts at the most typical candidate, then takes the one farthest from all chosen; reads inputs only."""

    name: str = "k_centre"

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        rows = features_of(pool, self.features).candidates
        tie_break = generator.permutation(len(pool))
        typical = np.round(rows @ rows.mean(axis=0), 12)
        chosen = [int(top(typical, 1, "highest", generator)[0])]
        nearest = np.full(len(pool), -np.inf)  # the highest cosine to a chosen candidate
        while len(chosen) < k:
            nearest = np.maximum(nearest, cosines(rows, rows[[chosen[-1]]])[:, 0])
            nearest[chosen] = np.inf
            chosen.append(int(np.lexsort((tie_break, nearest))[0]))
        return np.array(chosen, dtype=np.int64)


@register("k_centre")
def k_centre(pool: Pool) -> Iterator[KCentre]:
    """greedy k-centre: candidates that cover the pool, the farthest first"""
    return (KCentre(features=features) for features in names_of(pool))
