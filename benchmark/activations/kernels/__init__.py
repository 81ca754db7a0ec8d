"""The fast path of the statistics: kernels that agree with `statistics.reference` to float32's precision.

kernel = choose_kernel("auto", device)
kernel(rows, thresholds, frozenset({"moments", "massive"}))     float64 [row, statistic]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from benchmark.activations.kernels.eager import eager_kernel
from benchmark.activations.statistics import Group, Thresholds
from benchmark.errors import unknown


class Kernel(Protocol):
    """[row, hidden] -> float64 [row, statistic] on the same device; NaN in the columns of groups not asked for."""

    def __call__(self, rows: Tensor, thresholds: Thresholds, groups: frozenset[Group]) -> Tensor: ...


KERNELS: dict[str, Callable[[], Kernel]] = {
    "eager": lambda: eager_kernel,
}


def choose_kernel(name: str, device: torch.device) -> Kernel:
    """The kernel of that name; `auto` is eager on a CPU."""
    if name == "auto":
        name = "eager"
    if name not in KERNELS:
        raise unknown("kernel", name, [*KERNELS, "auto"])
    return KERNELS[name]()
