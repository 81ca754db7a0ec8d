"""Random choice: many draws of it are the distribution that every other selector is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.pool import Pool
from benchmark.selection.selector import Direction, register


@dataclass(frozen=True)
class Random:
    """k distinct candidates, uniformly, in random order."""

    name: str = "random"
    direction: Direction = ""
    mask: str = ""
    needs_label: bool = False

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> NDArray[np.int64]:
        pool.require(k)
        return generator.permutation(len(pool))[:k].astype(np.int64)


@register("random")
def random(pool: Pool) -> Iterator[Random]:
    """uniform choice; its many draws are the null distribution"""
    yield Random()
