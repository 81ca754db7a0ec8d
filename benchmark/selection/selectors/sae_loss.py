"""Candidates that a sparse autoencoder reconstructs best, or worst (reported to predict performance: SAE-GPS, 2025)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.selection.pool import Members, Pool
from benchmark.selection.selector import DIRECTIONS, Selector, register, top


@dataclass(frozen=True, kw_only=True)
class SaeLoss(Selector):
    """Prefers the candidates whose inputs have the lowest, or highest, reconstruction loss at the site `features`."""

    name: str = "sae_loss"

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        return top(pool.dictionaries[self.features].loss, k, self.direction, generator)


@register("sae_loss")
def sae_loss(pool: Pool) -> Iterator[SaeLoss]:
    """reconstruction loss of a sparse autoencoder, lowest and highest, at every site"""
    return (SaeLoss(features=site, direction=direction) for site in pool.dictionaries for direction in DIRECTIONS)
