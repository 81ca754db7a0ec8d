"""MDL (Wu et al. 2023): for each query, of some sets of near candidates the one that makes the model surest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.selection.feature import names_of
from benchmark.selection.pool import Members, Pool, Prompts
from benchmark.selection.retrieval import best_last
from benchmark.selection.selector import Needs, Selector, label_distribution, register, require_choices
from benchmark.selection.selectors.nearest import likeness

NEAREST = 30
SETS = 5

NEEDS = Needs(labels=True, queries="each")


@dataclass(frozen=True, kw_only=True)
class MDL(Selector):
    """The set under which the distribution over the labels has the lowest entropy; the earlier set where they tie."""

    name: str = "mdl"
    needs: Needs = NEEDS
    nested: bool = False

    def plan(self, pool: Pool, k: int, generator: np.random.Generator) -> Prompts:
        """For each query, `SETS` random sets in random order out of the `NEAREST`, or of k if these are more."""
        pool.require(k)
        require_choices(pool)
        near = best_last(likeness(pool, self.features), max(k, min(NEAREST, len(pool))), pool.shuffled(generator))
        members = [generator.permutation(row)[:k] for row in near for _ in range(SETS)]
        asked = np.repeat(np.arange(len(near)), SETS)
        return Prompts(np.array(members, dtype=np.int64).reshape(-1, k), asked, "queries", "choices")

    def count_prompts(self, n_candidates: int, n_asked: int) -> int:
        return SETS * n_asked

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        distribution = label_distribution(pool)
        assert pool.prompts is not None
        entropy = -np.where(distribution > 0, distribution * np.log(np.where(distribution > 0, distribution, 1)), 0)
        best = np.round(entropy.sum(axis=1), 9).reshape(-1, SETS).argmin(axis=1)
        return np.asarray(pool.prompts.members.reshape(-1, SETS, k)[np.arange(len(best)), best])


@register("mdl")
def mdl(pool: Pool) -> Iterator[MDL]:
    """MDL: for each query, of 5 sets of near candidates the one with the surest answer; 5 prompts a query"""
    return (MDL(features=features) for features in names_of(pool, of_queries=True, asking=True))
