"""Groups of candidates that are compared only with one another: one for all, or one for each target.

everybody(n)              the claim as stated: a candidate is ranked among all
by_target(cells.target)   given the target: a candidate is ranked among those with the same target
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmark.analysis.spearman import Floats, centred_ranks


@dataclass(frozen=True)
class Strata:
    """`index` int [candidate]: the number of each candidate's group, from 0."""

    index: NDArray[np.int64]

    @cached_property
    def members(self) -> list[NDArray[np.int64]]:
        """The candidates of each group."""
        order = np.argsort(self.index, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.index))[:-1])

    @property
    def single(self) -> bool:
        return len(self.members) == 1

    @cached_property
    def n(self) -> int:
        """How many candidates of one group are worth as much: a group's mean costs one, a group of one is worth none.

        n - 3 is then what is left for the standard error, as for n candidates that are compared with one another.
        """
        return sum(len(group) - 1 for group in self.members) + 1

    def rank(self, values: NDArray[np.floating]) -> Floats:
        """Centred mid-ranks within each group along the last axis of `values` [..., n].

        In one group whole numbers, as of `centred_ranks`. In several, a rank in a group of m is divided by m + 1, so
        that each candidate counts the same in a large group as in a small one (van Elteren 1960).
        """
        if self.single:
            return centred_ranks(values)
        groups = self.index.astype(np.min_scalar_type(self.index.max()))  # small numbers are sorted faster
        scaled: Floats = centred_ranks(values, groups) / (np.bincount(groups)[groups] + 1)
        return scaled

    def permutations(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """`count` random orders of the candidates, each within its group: int64 [count, n]."""
        n = len(self.index)
        if self.single:
            return rng.permuted(np.tile(np.arange(n), (count, 1)), axis=1)
        grouped = np.argsort(self.index, kind="stable")
        shuffled = np.argsort(self.index + rng.random((count, n)), axis=1)
        order = np.empty_like(shuffled)
        order[:, grouped] = shuffled
        return order


def everybody(n: int) -> Strata:
    return Strata(np.zeros(n, dtype=np.int64))


def by_target(target: NDArray[np.integer]) -> Strata:
    return Strata(np.unique(target, return_inverse=True)[1].astype(np.int64))
