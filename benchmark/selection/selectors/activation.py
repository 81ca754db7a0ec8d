"""Selection by an activation statistic under a mask strategy: the selectors whose use the paper disputes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.selection.pool import Members, Pool
from benchmark.selection.selector import DIRECTIONS, Needs, Selector, register, top


@dataclass(frozen=True, kw_only=True)
class Activation(Selector):
    """Prefers the highest, or the lowest, `statistic` of the activations seen through `mask`."""

    statistic: str

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        values = pool.scores[:, pool.masks.index(self.mask), pool.statistics.index(self.statistic)]
        return top(values, k, self.direction, generator)


@register("activation")
def activation(pool: Pool) -> Iterator[Activation]:
    """every activation statistic, highest and lowest, under every mask"""
    for statistic in pool.statistics:
        for mask in pool.masks:
            needs = Needs(labels=mask not in pool.unlabelled_masks)
            for direction in DIRECTIONS:
                name = f"activation_{statistic}"
                yield Activation(name=name, statistic=statistic, direction=direction, mask=mask, needs=needs)
