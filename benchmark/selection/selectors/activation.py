"""Selection by an activation statistic under a mask strategy: the selectors whose use the paper disputes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.pool import Pool
from benchmark.selection.selector import DIRECTIONS, Direction, register, top


@dataclass(frozen=True)
class Activation:
    """Prefers the highest, or the lowest, `statistic` of the activations seen through `mask`."""

    statistic: str
    direction: Direction
    mask: str
    needs_label: bool

    @property
    def name(self) -> str:
        return f"activation_{self.statistic}"

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> NDArray[np.int64]:
        pool.require(k)
        values = pool.scores[:, pool.masks.index(self.mask), pool.statistics.index(self.statistic)]
        return top(values, k, self.direction, generator)


@register("activation")
def activation(pool: Pool) -> Iterator[Activation]:
    """every activation statistic, highest and lowest, under every mask"""
    for statistic in pool.statistics:
        for mask in pool.masks:
            for direction in DIRECTIONS:
                yield Activation(statistic, direction, mask, needs_label=mask not in pool.unlabelled_masks)
