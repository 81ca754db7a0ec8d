"""The oracle: knows the candidates' quality on other queries of the task. How far choosing one by one could get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.selection.pool import Members, Pool, UndefinedError
from benchmark.selection.selector import Direction, Needs, Selector, register, top

NEEDS = Needs(labels=True, queries="set_aside")


@dataclass(frozen=True, kw_only=True)
class Oracle(Selector):
    """Prefers the highest mean gain over the queries set aside for choosing; other queries judge it."""

    name: str = "oracle"
    direction: Direction = "highest"
    needs: Needs = NEEDS

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        if pool.gain is None:
            raise UndefinedError("the pool has no labels")
        return top(pool.gain.mean(axis=1), k, self.direction, generator)


@register("oracle")
def oracle(pool: Pool) -> Iterator[Oracle]:
    """the best quality on the queries set aside for choosing; needs their labels"""
    yield Oracle()
