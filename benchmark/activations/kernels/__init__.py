"""The fast path of the statistics: kernels that agree with `statistics.reference` to float32's precision.

    kernel = choose_kernel("auto", device)
    kernel(rows, thresholds, frozenset({"moments", "massive"}))     float64 [row, statistic]

All of them agree with the float64 reference to 2e-5 relative in the moments, and exactly in what they select or count.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from benchmark.activations.statistics import Group, Thresholds
from benchmark.errors import BenchmarkError, unknown


class Kernel(Protocol):
    """[row, hidden] -> float64 [row, statistic] on the same device; NaN in the columns of groups not asked for."""

    def __call__(self, rows: Tensor, thresholds: Thresholds, groups: frozenset[Group]) -> Tensor: ...


def _eager() -> Kernel:
    from benchmark.activations.kernels.eager import eager_kernel

    return eager_kernel


def _compiled() -> Kernel:
    from benchmark.activations.kernels.compiled import compiled_kernel

    return compiled_kernel


def _triton() -> Kernel:
    from benchmark.activations.kernels.fused import fused_kernel

    return fused_kernel


KERNELS: dict[str, Callable[[], Kernel]] = {"eager": _eager, "compiled": _compiled, "triton": _triton}


def choose_kernel(name: str, device: torch.device) -> Kernel:
    """The kernel of that name. `auto`: on CUDA triton where it is installed, else eager; on a CPU eager.

    On a CPU eager is as fast as compiled and starts at once (docs/performance.md). Raises `BenchmarkError` for an
    unknown name, and for a kernel that the device or the installation cannot run.
    """
    if name == "auto":
        name = "triton" if device.type == "cuda" and importlib.util.find_spec("triton") else "eager"
    if name not in KERNELS:
        raise unknown("kernel", name, [*KERNELS, "auto"])
    if name == "triton" and (device.type != "cuda" or not importlib.util.find_spec("triton")):
        raise BenchmarkError(
            f"kernel 'triton' needs a CUDA device and triton, not {device}: set extraction.kernel to auto"
        )
    if name == "compiled" and device.type != "cpu":
        raise BenchmarkError(f"kernel 'compiled' is for a CPU, not {device}: set extraction.kernel to auto")
    return KERNELS[name]()
