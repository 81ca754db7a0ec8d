"""Candidates that together have the most features of a sparse autoencoder at work (Yang et al. 2025, arXiv 2502.14050).

A longer input has more features at work, so that this prefers long ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.selection.pool import Members, Pool, UndefinedError
from benchmark.selection.selector import Selector, register


@dataclass(frozen=True, kw_only=True)
class SaeCoverage(Selector):
    """Takes the candidate that adds most features to those covered, at the site `features`; ties by lot.

    Where none adds any, all features count as uncovered again.
    """

    name: str = "sae_coverage"

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        features = pool.dictionaries[self.features].features.astype(np.int64)
        per_candidate = np.diff(features.indptr)
        if len(pool) > 1 and (features.sum(axis=0) % len(pool) == 0).all():
            raise UndefinedError(f"the features at the {self.features} are the same for every candidate")
        tie_break = generator.permutation(len(pool))
        open_features = np.ones(features.shape[1], dtype=np.int64)
        left = np.ones(len(pool), dtype=bool)
        chosen: list[int] = []
        while len(chosen) < k:
            added = features @ open_features
            if not added[left].any() and per_candidate[left].any():
                open_features[:] = 1
                continue
            best = int(np.lexsort((tie_break, -added, ~left))[0])
            open_features[features.indices[features.indptr[best] : features.indptr[best + 1]]] = 0
            left[best] = False
            chosen.append(best)
        return np.array(chosen, dtype=np.int64)


@register("sae_coverage")
def sae_coverage(pool: Pool) -> Iterator[SaeCoverage]:
    """greedy cover: as many features of a sparse autoencoder at work as k inputs can have, at every site"""
    return (SaeCoverage(features=site) for site in pool.dictionaries)
