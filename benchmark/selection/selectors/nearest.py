"""Nearest neighbours (KATE, Liu et al. 2022; TopK): for each query, the candidates most like it, the nearest last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.feature import cosines, features_of, names_of
from benchmark.selection.pool import Members, Pool
from benchmark.selection.retrieval import best_last
from benchmark.selection.selector import Needs, Selector, register

NEEDS = Needs(queries="each")


@dataclass(frozen=True, kw_only=True)
class Nearest(Selector):
    """Reads inputs only; a query that has no feature in common with any candidate gets random ones."""

    name: str = "nearest"
    needs: Needs = NEEDS

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        return best_last(likeness(pool, self.features), k, pool.shuffled(generator))


def likeness(pool: Pool, name: str) -> NDArray[np.float64]:
    """Cosine of each query to choose for with each candidate, float64 [query, n]."""
    features = features_of(pool, name)
    assert features.asked is not None
    return cosines(features.asked, features.candidates)


@register("nearest")
def nearest(pool: Pool) -> Iterator[Nearest]:
    """for each query, its nearest neighbours by cosine"""
    return (Nearest(features=features) for features in names_of(pool, of_queries=True))
