"""What a statistic group is: its columns, their float64 reference, and the code that takes them in every kernel.

A file in `statistics/` defines one, and that is all it takes to add one:

    class Norms(Group):
        columns = {"l2": "Euclidean norm"}

        def reference(self, sequence, thresholds):
            return np.linalg.norm(sequence, axis=-1)[:, None]

        def eager(self, rows, sequences, thresholds):
            return sequences.each_row(rows, lambda x: x.double().norm(dim=-1)[:, None])

    GROUP = Norms()
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.activations.sequences import Sequences

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A massive activation is strictly above both: `absolute`, and `ratio` times its sequence's median of |x|."""

    absolute: float = 100.0
    ratio: float = 1000.0


class Group(ABC):
    """Statistics that are computed together. `columns`: their names in order, each with its meaning."""

    columns: ClassVar[Mapping[str, str]]

    @abstractmethod
    def reference(self, sequence: Floats, thresholds: Thresholds) -> Floats:
        """One sequence [token, hidden], all finite -> [token, column], by the textbook in float64."""

    @abstractmethod
    def eager(self, rows: Tensor, sequences: Sequences, thresholds: Thresholds) -> Tensor:
        """rows [row, hidden] of any float dtype, strides and device -> float64 [wanted entry, column] on that device.

        A row that holds a NaN or an infinity is NaN in every column.
        """

    def compiled(self, rows: Tensor, sequences: Sequences, thresholds: Thresholds) -> Tensor:
        """As `eager`, on a CPU, by `torch.compile` where that is faster."""
        return self.eager(rows, sequences, thresholds)

    def triton(self, rows: Tensor, sequences: Sequences, thresholds: Thresholds) -> Tensor:
        """As `eager`, on a GPU, by Triton where that is faster."""
        return self.eager(rows, sequences, thresholds)
