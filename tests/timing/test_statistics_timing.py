"""The statistics alone, by kernel, width and dtype; and that memory does not grow with what is read."""

from __future__ import annotations

import resource
from typing import Any

import pytest
import torch

from benchmark.activations.kernels import choose_kernel
from benchmark.activations.statistics import Group, Thresholds
from benchmark.timing.interleave import interleaved_ratio
from benchmark.timing.workload import ExtractionWork, Shape, naive_torch

GROUPS: dict[str, frozenset[Group]] = {
    "moments": frozenset({"moments"}),
    "massive": frozenset({"massive"}),
    "all": frozenset({"moments", "massive"}),
}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
ELEMENTS = 1 << 20


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("width", [64, 512, 3072])
@pytest.mark.parametrize("dtype", DTYPES)
def test_eager(benchmark: Any, smoke: bool, dtype: str, width: int, groups: str) -> None:
    rows = torch.randn((ELEMENTS >> 10 if smoke else ELEMENTS) // width, width).to(DTYPES[dtype])
    kernel = choose_kernel("eager", rows.device)
    result = benchmark.pedantic(
        kernel, args=(rows, Thresholds(), GROUPS[groups]), rounds=1 if smoke else 30, warmup_rounds=0 if smoke else 3
    )
    assert result.shape == (len(rows), 7)
    if groups == "all":
        ratio = interleaved_ratio(
            lambda: kernel(rows, Thresholds(), GROUPS["all"]),
            lambda: naive_torch(rows[None]),
            rounds=2 if smoke else 15,
        )
        benchmark.extra_info["over_naive_torch"] = ratio.median
        assert smoke or width < 512 or ratio.high < 1


def test_compiled(benchmark: Any, smoke: bool) -> None:
    if smoke:
        pytest.skip("compiling takes longer than a smoke test may")
    rows = torch.randn(ELEMENTS // 512, 512)
    eager, compiled = (choose_kernel(name, rows.device) for name in ("eager", "compiled"))
    benchmark.pedantic(compiled, args=(rows, Thresholds(), GROUPS["all"]), rounds=30, warmup_rounds=3)
    ratio = interleaved_ratio(
        lambda: compiled(rows, Thresholds(), GROUPS["all"]), lambda: eager(rows, Thresholds(), GROUPS["all"]), rounds=30
    )
    benchmark.extra_info["over_eager"] = ratio.median
    assert ratio.n == 30


def test_memory_does_not_grow_with_batches_or_layers(benchmark: Any, smoke: bool) -> None:
    """The process's peak after one batch is its peak after many, and less than the outputs of all layers would take."""
    shape = Shape(layers=8, hidden=64, rows=2, tokens=8) if smoke else Shape(layers=24, hidden=256, rows=32, tokens=128)
    work = ExtractionWork(shape, torch.float32)
    work.forward()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work.extract(("causal",))
    once = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    benchmark.pedantic(work.extract, args=(("causal",),), rounds=5)
    often = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = shape.layers * shape.rows * shape.tokens * shape.hidden * 4 / 1024
    benchmark.extra_info.update(extraction_kib=once - before, five_more_kib=often - once, all_outputs_kib=kept)
    assert smoke or often - before < 0.5 * kept
