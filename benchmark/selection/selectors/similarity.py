"""Selection by likeness of texts: candidates typical of the pool, or like the queries set aside. Reads inputs only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.pool import Pool
from benchmark.selection.selector import DIRECTIONS, Direction, register, top
from benchmark.selection.text import features


@dataclass(frozen=True)
class Similarity:
    """Prefers the highest, or the lowest, mean tf-idf cosine to the pool or to the inputs of queries set aside."""

    reference: Literal["pool", "queries"]
    direction: Direction
    mask: str = ""
    needs_label: bool = False

    @property
    def name(self) -> str:
        return f"similarity_{self.reference}"

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> NDArray[np.int64]:
        pool.require(k)
        candidates, queries = features(pool.inputs, pool.query_inputs)
        centre = (candidates if self.reference == "pool" else queries).mean(axis=0)
        # rows have length one, so that the mean cosine is the product with the mean row; rounded, so that a tie is one
        return top(np.round(candidates @ centre, 12), k, self.direction, generator)


@register("similarity_pool")
def similarity_pool(pool: Pool) -> Iterator[Similarity]:
    """mean tf-idf cosine to the pool: the most and the least typical candidates"""
    return (Similarity("pool", direction) for direction in DIRECTIONS)


@register("similarity_queries")
def similarity_queries(pool: Pool) -> Iterator[Similarity]:
    """mean tf-idf cosine to the inputs of the queries set aside, highest and lowest"""
    return (Similarity("queries", direction) for direction in DIRECTIONS)
