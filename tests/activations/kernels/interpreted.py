"""Runs the CUDA kernel over `cases()` by Triton's interpreter: TRITON_INTERPRET=1 python -m <this module> out.npz

In a process of its own, for the variable must be set before anything imports Triton.
"""

import sys

import numpy as np
import torch
from torch import Tensor

from benchmark.activations.statistics import Thresholds
from tests.activations.kernels.rows import EVERY, awkward_rows

WIDTHS = {
    torch.float32: (1, 63, 100),
    torch.bfloat16: (2, 64, 129),
    torch.float16: (65,),
}


def cases() -> dict[str, tuple[Tensor, Thresholds]]:
    """Rows and thresholds by name."""
    found = {
        f"{dtype}-{width}".removeprefix("torch."): (awkward_rows(width, dtype), Thresholds())
        for dtype, widths in WIDTHS.items()
        for width in widths
    }
    whole = awkward_rows(40, torch.bfloat16)
    found |= {"every other": (whole[::3, ::3], Thresholds()), "transposed": (whole.t()[:6], Thresholds())}
    clean = torch.randn(4, 33, generator=torch.Generator().manual_seed(3))
    broken = clean.clone()
    broken[0, 32], broken[1, 0], broken[2, 5] = float("nan"), float("inf"), -float("inf")
    found |= {"clean": (clean, Thresholds()), "broken": (broken, Thresholds())}
    edge = torch.tensor([[1.0, 1.0, 1.0, 50.0, 100.0], [0.1, 0.1, 0.1, 0.1, 100.0], [0.3, 0.3, 0.1, 0.1, 200.0]])
    for absolute, ratio in ((100.0, 1.0), (1.0, 50.0), (50.0, 100.0), (1.0, 1000.0)):
        found[f"above {absolute} and {ratio}"] = (edge, Thresholds(absolute, ratio))
    return found


if __name__ == "__main__":
    from benchmark.activations.kernels.fused import fused_kernel

    results = {name: fused_kernel(rows, limits, EVERY).numpy() for name, (rows, limits) in cases().items()}
    np.savez(sys.argv[1], **results)  # type: ignore[arg-type]
