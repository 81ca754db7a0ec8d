"""The statistics alone, by kernel, width and dtype."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmark.activations.kernels import choose_kernel
from benchmark.activations.statistics import Group, Thresholds
from benchmark.timing.workload import naive_torch
from tests.timing.measuring import compared

GROUPS: dict[str, frozenset[Group]] = {
    "moments": frozenset({"moments"}),
    "massive": frozenset({"massive"}),
    "all": frozenset({"moments", "massive"}),
}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
ELEMENTS = 1 << 20
SHORT = 30
"""Rounds of calls that take milliseconds."""


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("width", [64, 512, 3072])
@pytest.mark.parametrize("dtype", DTYPES)
def test_eager(benchmark: Any, smoke: bool, dtype: str, width: int, groups: str) -> None:
    rows = torch.randn((ELEMENTS >> 10 if smoke else ELEMENTS) // width, width).to(DTYPES[dtype])
    kernel = choose_kernel("eager", rows.device)
    if groups != "all":
        result = benchmark.pedantic(
            kernel, args=(rows, Thresholds(), GROUPS[groups]), rounds=1 if smoke else SHORT, warmup_rounds=1
        )
        assert result.shape == (len(rows), 7)
        return
    ways = {"eager": lambda: kernel(rows, Thresholds(), GROUPS["all"]), "naive torch": lambda: naive_torch(rows[None])}
    pairs = {"over naive torch": ("eager", "naive torch")}
    ratio = compared(benchmark, smoke, ways, pairs, SHORT)["over naive torch"]
    assert smoke or width < 512 or ratio.low < 1


def test_compiled(benchmark: Any, smoke: bool) -> None:
    if smoke:
        pytest.skip("compiling takes longer than a smoke test may")
    rows = torch.randn(ELEMENTS // 512, 512)
    eager, compiled = (choose_kernel(name, rows.device) for name in ("eager", "compiled"))
    compiled(rows, Thresholds(), GROUPS["all"])  # compiles
    ways = {
        "compiled": lambda: compiled(rows, Thresholds(), GROUPS["all"]),
        "eager": lambda: eager(rows, Thresholds(), GROUPS["all"]),
    }
    assert compared(benchmark, smoke, ways, {"over eager": ("compiled", "eager")}, SHORT)["over eager"].n >= 5
