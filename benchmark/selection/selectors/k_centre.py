"""Selection of candidates that cover the pool: greedy k-centre (Sener and Savarese 2018) on tf-idf features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.pool import Pool
from benchmark.selection.selector import Direction, register, top
from benchmark.selection.text import features


@dataclass(frozen=True)
class KCentre:
    """Starts at the most typical candidate, then takes the one farthest from all chosen; reads inputs only."""

    name: str = "k_centre"
    direction: Direction = ""
    mask: str = ""
    needs_label: bool = False

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> NDArray[np.int64]:
        pool.require(k)
        rows, _ = features(pool.inputs)
        tie_break = generator.permutation(len(pool))
        chosen = [int(top(np.round(rows @ rows.mean(axis=0), 12), 1, "highest", generator)[0])]
        nearest = np.full(len(pool), -np.inf)  # the highest cosine to a chosen candidate
        while len(chosen) < k:
            nearest = np.maximum(nearest, np.round((rows @ rows[[chosen[-1]]].T).toarray().ravel(), 12))
            nearest[chosen] = np.inf
            chosen.append(int(np.lexsort((tie_break, nearest))[0]))
        return np.array(chosen, dtype=np.int64)


@register("k_centre")
def k_centre(pool: Pool) -> Iterator[KCentre]:
    """greedy k-centre over tf-idf features: candidates that cover the pool"""
    yield KCentre()
