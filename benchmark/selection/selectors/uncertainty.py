"""Selection by the model's zero-shot uncertainty about a candidate: the usual signals of active learning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.pool import Pool
from benchmark.selection.selector import DIRECTIONS, Direction, register, top

Signal = Literal["perplexity", "predictive_entropy"]


@dataclass(frozen=True)
class Uncertainty:
    """Prefers the candidates that the model is most, or least, uncertain about; reads no label."""

    name: Signal
    direction: Direction
    mask: str = ""
    needs_label: bool = False

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> NDArray[np.int64]:
        pool.require(k)
        values = pool.perplexity if self.name == "perplexity" else pool.predictive_entropy
        return top(values, k, self.direction, generator)


@register("perplexity")
def perplexity(pool: Pool) -> Iterator[Uncertainty]:
    """perplexity of the candidate's input, highest and lowest"""
    return (Uncertainty("perplexity", direction) for direction in DIRECTIONS)


@register("predictive_entropy")
def predictive_entropy(pool: Pool) -> Iterator[Uncertainty]:
    """entropy of the zero-shot prediction for the candidate, highest and lowest"""
    return (Uncertainty("predictive_entropy", direction) for direction in DIRECTIONS)
