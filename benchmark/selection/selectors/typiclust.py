"""TypiClust (Hacohen et al. 2022): the most typical candidate of each cluster, by scikit-activeml."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.selection.clusters import clustering
from benchmark.selection.feature import dense, features_of, names_of
from benchmark.selection.pool import Members, Pool
from benchmark.selection.selector import Selector, complete, register

NEIGHBOURS = 20  # typicality is the inverse of the mean distance to so many of the cluster


@dataclass(frozen=True, kw_only=True)
class TypiClust(Selector):
    """k clusters by k-means, the largest first; where fewer than k candidates differ, the rest is random."""

    name: str = "typiclust"
    nested: bool = False

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        from skactiveml import pool as strategies

        pool.require(k)
        order = pool.shuffled(generator)
        rows = dense(features_of(pool, self.features).candidates)[order]
        seed = int(generator.integers(2**31))
        strategy = strategies.TypiClust(k=NEIGHBOURS, random_state=seed, cluster_algo_dict={"random_state": seed})
        with clustering():
            chosen = strategy.query(rows, np.full(len(rows), np.nan), batch_size=k)
        return order[complete(chosen, k, len(pool))]


@register("typiclust")
def typiclust(pool: Pool) -> Iterator[TypiClust]:
    """TypiClust: the most typical candidate of each of k clusters"""
    return (TypiClust(features=features) for features in names_of(pool))
