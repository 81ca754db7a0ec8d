"""Random choice: many draws of it are the distribution that every other selector is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.selection.pool import Members, Pool
from benchmark.selection.selector import Selector, register


@dataclass(frozen=True, kw_only=True)
class Random(Selector):
    """k distinct candidates, uniformly, in random order."""

    name: str = "random"

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        return generator.permutation(len(pool))[:k].astype(np.int64)


@register("random")
def random(pool: Pool) -> Iterator[Random]:
    """uniform choice; its many draws are the null distribution"""
    yield Random()
