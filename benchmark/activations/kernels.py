"""The fast path of the statistics: ways to compute them that agree with the float64 reference to float32's precision.

    kernel = choose_kernel("auto", device)
    kernel(rows, sequences, thresholds, ("mean", "max_abs"))     float64 [wanted entry, statistic]

A kernel is one of the methods that every `Group` has; what it does is in the groups' files. All of them agree with the
reference to 2e-5 relative in the moments, and exactly in what they select or count.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from benchmark.activations.group import Group, Thresholds
from benchmark.activations.sequences import Sequences
from benchmark.activations.statistics import groups_of
from benchmark.errors import BenchmarkError, unknown

Kernel = Callable[[Tensor, Sequences, Thresholds, Sequence[str]], Tensor]
"""rows [row, hidden], sequences, thresholds, names -> float64 [wanted entry, name] on the rows' device."""
Way = Callable[[Group, Tensor, Sequences, Thresholds], Tensor]


def _kernel(way: Way) -> Kernel:
    def compute(rows: Tensor, sequences: Sequences, thresholds: Thresholds, names: Sequence[str]) -> Tensor:
        groups = groups_of(names)
        values = torch.cat([way(group, rows, sequences, thresholds) for group in groups], dim=-1)
        columns = [column for group in groups for column in group.columns]
        if columns == list(names):
            return values
        return values[:, [columns.index(name) for name in names]]

    return compute


KERNELS: dict[str, Kernel] = {
    "eager": _kernel(lambda group, *arguments: group.eager(*arguments)),
    "compiled": _kernel(lambda group, *arguments: group.compiled(*arguments)),
    "triton": _kernel(lambda group, *arguments: group.triton(*arguments)),
}


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
    return KERNELS[name]
