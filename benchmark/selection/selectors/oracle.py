"""The oracle: knows the candidates' quality on other queries of the task. How far choosing one by one could get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.pool import Pool
from benchmark.selection.selector import Direction, register, top


@dataclass(frozen=True)
class Oracle:
    """Prefers the highest mean gain over the queries set aside for choosing; other queries judge it."""

    name: str = "oracle"
    direction: Direction = "highest"
    mask: str = ""
    needs_label: bool = True

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> NDArray[np.int64]:
        pool.require(k)
        return top(pool.gain.mean(axis=1), k, self.direction, generator)


@register("oracle")
def oracle(pool: Pool) -> Iterator[Oracle]:
    """the best quality on the queries set aside for choosing; needs their labels"""
    yield Oracle()
