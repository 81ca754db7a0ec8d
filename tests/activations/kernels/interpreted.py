"""Runs the CUDA kernel over `cases()` by Triton's interpreter: TRITON_INTERPRET=1 python -m <this module> out.npz

In a process of its own, for the variable must be set before anything imports Triton.
"""

import sys

import numpy as np
import torch
from torch import Tensor

from benchmark.activations.group import Thresholds
from benchmark.activations.sequences import Sequences
from tests.activations.kernels.rows import EVERY, awkward_rows, in_sequences, shared

WIDTHS = {
    torch.float32: (1, 63, 100),
    torch.bfloat16: (2, 64, 129),
    torch.float16: (65,),
}
Case = tuple[Tensor, Sequences, Thresholds]


def cases() -> dict[str, Case]:
    """Rows, their sequences and thresholds by name."""
    plain = {
        f"{dtype}-{width}".removeprefix("torch."): awkward_rows(width, dtype)
        for dtype, widths in WIDTHS.items()
        for width in widths
    }
    whole = awkward_rows(40, torch.bfloat16)
    plain |= {"every other": whole[::3, ::3], "transposed": whole.t()[:6]}
    found = {name: (rows, in_sequences(len(rows)), Thresholds()) for name, rows in plain.items()}
    for name in ("float32-100", "bfloat16-64"):
        rows = plain[name]
        found[f"{name} alone"] = (rows, Sequences.alone(rows), Thresholds())
        found[f"{name} shared"] = (rows, shared(len(rows)), Thresholds(1.0, 2.0))
    clean = torch.randn(6, 33, generator=torch.Generator().manual_seed(3))
    broken = clean.clone()
    broken[0, 32], broken[1, 0], broken[3, 5] = float("nan"), float("inf"), -float("inf")
    halves = Sequences((0, 2, 4, 6))
    found |= {"clean": (clean, halves, Thresholds()), "broken": (broken, halves, Thresholds())}
    edge = torch.tensor([[1.0, 1.0, 1.0, 50.0, 100.0], [0.1, 0.1, 0.1, 0.1, 100.0], [0.3, 0.3, 0.1, 0.1, 200.0]])
    for absolute, ratio in ((100.0, 1.0), (1.0, 50.0), (50.0, 100.0), (1.0, 1000.0)):
        found[f"above {absolute} and {ratio}"] = (edge, Sequences.alone(edge), Thresholds(absolute, ratio))
        found[f"above {absolute} and {ratio}, one sequence"] = (edge, Sequences((0, 3)), Thresholds(absolute, ratio))
    return found


if __name__ == "__main__":
    from benchmark.activations.kernels import KERNELS

    results = {name: KERNELS["triton"](*case, EVERY).numpy() for name, case in cases().items()}
    np.savez(sys.argv[1], **results)  # type: ignore[arg-type]
