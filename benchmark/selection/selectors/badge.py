"""BADGE (Ash et al. 2020): k-means++ on the gradients that the model's own prediction for a candidate would cause.

Of the last layer that gradient is (p - onehot(argmax p)) outer h, with the zero-shot distribution p over the labels and
the features h of the candidate: long where the model is unsure, and in the direction of the features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.feature import dense, features_of, names_of
from benchmark.selection.pool import Members, Pool, Prompts
from benchmark.selection.selector import Needs, Selector, complete, label_distribution, register, require_choices

NEEDS = Needs(uncertainty=True)


@dataclass(frozen=True, kw_only=True)
class Badge(Selector):
    """Where fewer than k gradients differ, the rest is random."""

    name: str = "badge"
    needs: Needs = NEEDS
    nested: bool = True

    def plan(self, pool: Pool, k: int, generator: np.random.Generator) -> Prompts:
        pool.require(k)
        require_choices(pool)
        return Prompts(np.empty((len(pool), 0), dtype=np.int64), np.arange(len(pool)), "pool", "choices")

    def count_prompts(self, n_candidates: int, n_asked: int) -> int:
        return n_candidates

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        distribution = label_distribution(pool)
        order = pool.shuffled(generator)
        rows = dense(features_of(pool, self.features).candidates)
        return order[complete(seeds(gradients(distribution, rows)[order], k, generator), k, len(pool))]


def gradients(distribution: NDArray[np.float64], rows: NDArray[np.floating]) -> NDArray[np.floating]:
    """Gradient embeddings [n, label * feature] in the rows' type, from the distribution [n, label]."""
    error = distribution.copy()
    error[np.arange(len(error)), distribution.argmax(axis=1)] -= 1
    return np.asarray((error.astype(rows.dtype)[:, :, None] * rows[:, None, :]).reshape(len(rows), -1))


def seeds(points: NDArray[np.floating], k: int, generator: np.random.Generator) -> list[int]:
    """k-means++ seeding: the longest first, then each with a probability of its squared distance to the nearest chosen.

    Fewer than k where all others lie on a chosen one. Not scikit-learn's, which then repeats a row, and tries several
    rows a step.
    """
    chosen = [int(np.round((points**2).sum(axis=1), 9).argmax())]
    distance = np.full(len(points), np.inf)
    while len(chosen) < k:
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(axis=1, dtype=np.float64))
        distance[distance < 1e-9] = 0
        if distance.sum() == 0:
            break
        chosen.append(int(generator.choice(len(points), p=distance / distance.sum())))
    return chosen


@register("badge")
def badge(pool: Pool) -> Iterator[Badge]:
    """BADGE: candidates that the model is unsure about, and that differ; one zero-shot prompt a candidate"""
    return (Badge(features=features) for features in names_of(pool))
