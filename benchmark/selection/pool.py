"""What a selector may see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError


class UndefinedError(Exception):
    """A selector that cannot tell the candidates of this pool apart; the message is the reason."""


@dataclass(frozen=True)
class Pool:
    """All that a selector may see: the candidates, and the queries set aside for choosing.

    `inputs` are the candidates' inputs, n of them. `scores` float64 [n, mask, statistic] has its axes named by `masks`
    and `statistics`; a mask among `unlabelled_masks` needs no label. `perplexity` and `predictive_entropy` are
    float64 [n], zero-shot. `query_inputs` and `gain` float64 [n, j] belong to the j queries set aside; the queries
    that judge the choice appear nowhere in here.
    """

    inputs: tuple[str, ...]
    scores: NDArray[np.float64]
    masks: tuple[str, ...]
    statistics: tuple[str, ...]
    unlabelled_masks: tuple[str, ...]
    perplexity: NDArray[np.float64]
    predictive_entropy: NDArray[np.float64]
    query_inputs: tuple[str, ...]
    gain: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.inputs)

    def require(self, k: int) -> None:
        """Raises `BenchmarkError` unless k candidates can be chosen."""
        if not 1 <= k <= len(self):
            raise BenchmarkError(
                f"cannot choose {k} candidates out of {len(self)}: set shots between 1 and {len(self)}"
            )
