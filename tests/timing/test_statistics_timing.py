"""The statistics alone, by kernel, width and dtype."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmark.activations.group import Thresholds
from benchmark.activations.kernels import choose_kernel
from benchmark.activations.sequences import Sequences
from benchmark.timing.workload import EVERY, naive_torch
from tests.timing.measuring import compared

GROUPS = {"moments": EVERY[:4], "massive": EVERY[4:], "all": EVERY}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
ELEMENTS = 1 << 20
SHORT = 30
"""Rounds of calls that take milliseconds."""


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("width", [64, 512, 3072])
@pytest.mark.parametrize("dtype", DTYPES)
def test_eager(benchmark: Any, smoke: bool, dtype: str, width: int, groups: str) -> None:
    rows = torch.randn((ELEMENTS >> 8 if smoke else ELEMENTS) // width, width).to(DTYPES[dtype])
    kernel = choose_kernel("eager", rows.device)
    sequences = Sequences((0, len(rows)))
    if groups != "all":
        result = benchmark.pedantic(
            kernel, args=(rows, sequences, Thresholds(), GROUPS[groups]), rounds=1 if smoke else SHORT, warmup_rounds=1
        )
        assert result.shape == (len(rows), len(GROUPS[groups]))
        return
    ways = {
        "eager": lambda: kernel(rows, sequences, Thresholds(), EVERY),
        "naive torch": lambda: naive_torch(rows[None]),
    }
    pairs = {"over naive torch": ("eager", "naive torch")}
    ratio = compared(benchmark, smoke, ways, pairs, SHORT)["over naive torch"]
    assert smoke or width < 512 or ratio.low < 1


def test_compiled(benchmark: Any, smoke: bool) -> None:
    if smoke:
        pytest.skip("compiling takes longer than a smoke test may")
    rows = torch.randn(ELEMENTS // 512, 512)
    sequences = Sequences(tuple(range(0, len(rows) + 1, 128)))
    eager, compiled = (choose_kernel(name, rows.device) for name in ("eager", "compiled"))
    compiled(rows, sequences, Thresholds(), EVERY)  # compiles
    ways = {
        "compiled": lambda: compiled(rows, sequences, Thresholds(), EVERY),
        "eager": lambda: eager(rows, sequences, Thresholds(), EVERY),
    }
    assert compared(benchmark, smoke, ways, {"over eager": ("compiled", "eager")}, SHORT)["over eager"].n >= 5
