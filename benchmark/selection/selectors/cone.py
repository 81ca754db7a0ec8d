"""ConE (Peng et al. 2024): for each query, the near candidates that make its input likeliest, the best last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.selection.feature import names_of
from benchmark.selection.pool import Members, Pool, Prompts
from benchmark.selection.retrieval import best_last
from benchmark.selection.selector import Needs, Selector, register
from benchmark.selection.selectors.nearest import likeness

NEAREST = 30

NEEDS = Needs(labels=True, queries="each")


@dataclass(frozen=True, kw_only=True)
class ConE(Selector):
    """Ranks by the cross-entropy of the query's input given one candidate as it stands in a prompt, with its label."""

    name: str = "cone"
    needs: Needs = NEEDS
    nested: bool = False  # more shots than `NEAREST` look at more candidates

    def plan(self, pool: Pool, k: int, generator: np.random.Generator) -> Prompts:
        pool.require(k)
        near = best_last(likeness(pool, self.features), max(k, min(NEAREST, len(pool))), pool.shuffled(generator))
        return Prompts(near.reshape(-1, 1), np.repeat(np.arange(len(near)), near.shape[1]), "queries", "input")

    def count_prompts(self, n_candidates: int, n_asked: int) -> int:
        return min(NEAREST, n_candidates) * n_asked

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        assert pool.prompts is not None
        assert pool.answers is not None
        near = pool.prompts.members.reshape(len(pool.asked_inputs), -1)
        likely = np.round(pool.answers.reshape(near.shape), 6)
        return np.take_along_axis(near, best_last(likely, k, np.arange(near.shape[1])[::-1]), axis=1)


@register("cone")
def cone(pool: Pool) -> Iterator[ConE]:
    """ConE: for each query, near candidates that make its input likeliest; 30 prompts a query"""
    return (ConE(features=features) for features in names_of(pool, of_queries=True, asking=True))
