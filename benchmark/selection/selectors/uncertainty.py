"""Selection by the model's zero-shot uncertainty about a candidate: the usual signals of active learning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.selection.pool import Members, Pool
from benchmark.selection.selector import DIRECTIONS, Needs, Selector, register, top


@dataclass(frozen=True, kw_only=True)
class Uncertainty(Selector):
    """Prefers the candidates that the model is most, or least, uncertain about; reads no label."""

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        values = pool.perplexity if self.name == "perplexity" else pool.predictive_entropy
        return top(values, k, self.direction, generator)


@register("perplexity")
def perplexity(pool: Pool) -> Iterator[Uncertainty]:
    """perplexity of the candidate's input, highest and lowest"""
    return (Uncertainty(name="perplexity", direction=direction) for direction in DIRECTIONS)


@register("predictive_entropy")
def predictive_entropy(pool: Pool) -> Iterator[Uncertainty]:
    """entropy of the zero-shot prediction for the candidate, highest and lowest"""
    needs = Needs(uncertainty=True)
    return (Uncertainty(name="predictive_entropy", direction=direction, needs=needs) for direction in DIRECTIONS)
