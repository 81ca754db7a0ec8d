"""Selection by likeness of texts: candidates typical of the pool, or like the queries set aside. Reads inputs only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.selection.feature import features_of, names_of
from benchmark.selection.pool import Members, Pool
from benchmark.selection.selector import DIRECTIONS, Needs, Selector, register, top


@dataclass(frozen=True, kw_only=True)
class Similarity(Selector):
    """Prefers the highest, or the lowest, mean cosine to the pool or to the inputs of queries set aside."""

    reference: Literal["pool", "queries"]

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        features = features_of(pool, self.features)
        others = features.candidates if self.reference == "pool" else features.queries
        assert others is not None
        # rows have length one, so that the mean cosine is the product with the mean row; rounded, so that a tie is one
        return top(np.round(features.candidates @ others.mean(axis=0), 12), k, self.direction, generator)


@register("similarity_pool")
def similarity_pool(pool: Pool) -> Iterator[Similarity]:
    """mean cosine to the pool: the most and the least typical candidates"""
    for features in names_of(pool):
        for direction in DIRECTIONS:
            yield Similarity(name="similarity_pool", direction=direction, features=features, reference="pool")


@register("similarity_queries")
def similarity_queries(pool: Pool) -> Iterator[Similarity]:
    """mean cosine to the inputs of the queries set aside, highest and lowest"""
    needs = Needs(queries="set_aside")
    for features in names_of(pool, of_queries=True):
        for direction in DIRECTIONS:
            name = "similarity_queries"
            yield Similarity(name=name, direction=direction, features=features, reference="queries", needs=needs)
