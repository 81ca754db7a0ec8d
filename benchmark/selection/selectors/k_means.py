"""One candidate of each cluster: k-means, and of every cluster the candidate nearest to its centre."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.selection.clusters import k_means as cluster
from benchmark.selection.feature import features_of, names_of
from benchmark.selection.pool import Members, Pool
from benchmark.selection.selector import Selector, complete, register


@dataclass(frozen=True, kw_only=True)
class KMeans(Selector):
    """Clusters by size, the largest first; where fewer than k candidates differ, the rest is random."""

    name: str = "k_means"
    nested: bool = False

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        order = pool.shuffled(generator)
        labels, distances = cluster(features_of(pool, self.features).candidates[order], k, generator)
        sizes = np.bincount(labels)
        nearest = np.lexsort((distances, labels))
        first = nearest[np.concatenate([[0], np.cumsum(sizes[sizes > 0])[:-1]])]  # of each cluster that is not empty
        by_size = first[np.argsort(-sizes[labels[first]], kind="stable")]
        return order[complete(by_size, k, len(pool))]


@register("k_means")
def k_means(pool: Pool) -> Iterator[KMeans]:
    """the candidate nearest to the centre of each of k clusters"""
    return (KMeans(features=features) for features in names_of(pool))
