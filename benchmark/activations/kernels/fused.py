"""Every statistic of a row by one Triton program that reads it once: the CUDA path.

The row stays in registers, as float32 and as the bits of its magnitudes. Non-negative floats order as their bits do, so
the median is found by bisection over the bits: the largest v with count(|x| < v) <= k is the k-th smallest magnitude,
exactly. 15 steps do for bfloat16, whose low 16 bits are zero; 31 for the rest. Moments as in `arithmetic.scaled_sums`.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# Triton evaluates the annotations of a kernel, and knows none but tl.constexpr.

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from benchmark.activations.statistics import STATISTICS, Group, Thresholds

ELEMENTS_PER_THREAD = 32
STEPS = {torch.bfloat16: 15, torch.float16: 31, torch.float32: 31}  # bits 30 down; bit 31 is the sign


@triton.jit
def _add3(a0, a1, a2, b0, b1, b2):
    return a0 + b0, a1 + b1, a2 + b2


@triton.jit
def row_statistics(
    x,
    out,
    stride_row,
    stride_column,
    absolute,
    ratio,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    BISECTIONS: tl.constexpr,
    MOMENTS: tl.constexpr,
    MASSIVE: tl.constexpr,
):
    """Program r: row r of `x` [row, WIDTH] -> `out` float64 [row, 7]; the statistics in the order of the registry."""
    row = tl.program_id(0).to(tl.int64)
    offsets = tl.arange(0, BLOCK)
    valid = offsets < WIDTH
    value = tl.load(x + row * stride_row + offsets * stride_column, mask=valid, other=0.0).to(tl.float32)
    bits = value.to(tl.int32, bitcast=True) & 0x7FFFFFFF
    peak_bits = tl.max(bits, axis=0)
    finite = peak_bits < 0x7F800000
    target = out + row * 7

    if MOMENTS:
        high = tl.max(tl.where(valid, value, float("-inf")), axis=0)
        low = tl.min(tl.where(valid, value, float("inf")), axis=0)
        exponent = tl.minimum(tl.maximum(peak_bits >> 23, 1), 253)
        scale = (exponent << 23).to(tl.float32, bitcast=True).to(tl.float64)
        inverse = ((254 - exponent) << 23).to(tl.float32, bitcast=True)
        scaled = value * inverse
        mean = tl.sum(scaled, axis=0) * (1.0 / WIDTH)
        deviation = tl.where(valid, scaled - mean, 0.0)
        r = tl.sum(deviation, axis=0).to(tl.float64) / WIDTH
        square = deviation * deviation
        s2, s3, s4 = tl.reduce((square, square * deviation, square * square), 0, _add3)
        d2, d3, d4 = s2.to(tl.float64) / WIDTH, s3.to(tl.float64) / WIDTH, s4.to(tl.float64) / WIDTH
        m2 = d2 - r * r
        m3 = d3 - 3 * r * d2 + 2 * r * r * r
        m4 = d4 - 4 * r * d3 + 6 * r * r * d2 - 3 * r * r * r * r
        undefined = (high == low) | (finite == 0)
        safe = tl.where(undefined, 1.0, m2)
        nan = float("nan")
        mean_out = tl.where(high == low, high.to(tl.float64), (mean.to(tl.float64) + r) * scale)
        tl.store(target, tl.where(finite, mean_out, nan))
        tl.store(target + 1, tl.where(finite, tl.where(high == low, 0.0, m2 * scale * scale), nan))
        tl.store(target + 2, tl.where(undefined, nan, m3 / (safe * tl.sqrt(safe))))
        tl.store(target + 3, tl.where(undefined, nan, m4 / (safe * safe) - 3.0))

    if MASSIVE:
        K: tl.constexpr = (WIDTH - 1) // 2
        ordered = tl.where(valid, bits, 0x7FFFFFFF)
        lower = peak_bits * 0
        for step in range(BISECTIONS):
            trial = lower | (1 << (30 - step))
            below = tl.sum((ordered < trial).to(tl.int32), axis=0)
            lower = tl.where(below <= K, trial, lower)
        upper = lower
        if WIDTH % 2 == 0:
            reached = tl.sum((ordered <= lower).to(tl.int32), axis=0)
            following = tl.min(tl.where(ordered > lower, ordered, 0x7FFFFFFF), axis=0)
            upper = tl.where(reached > K + 1, lower, following)
        middle = lower.to(tl.float32, bitcast=True).to(tl.float64) + upper.to(tl.float32, bitcast=True).to(tl.float64)
        median = middle * 0.5
        # |x| > limit in float64 is |x| > the largest float32 up to limit
        limit = tl.maximum(median * ratio, absolute)
        nearest = limit.to(tl.float32)
        nearest_bits = nearest.to(tl.int32, bitcast=True)
        limit_bits = tl.where(nearest.to(tl.float64) > limit, nearest_bits - 1, nearest_bits)
        count = tl.sum((valid & (bits > limit_bits)).to(tl.int32), axis=0)
        peak = peak_bits.to(tl.float32, bitcast=True).to(tl.float64)
        nan = float("nan")
        tl.store(target + 4, tl.where(finite, peak, nan))
        some = tl.where(median > 0, median, 1.0)
        ratio_out = tl.where(median > 0, peak / some, tl.where(peak > 0, float("inf"), nan))
        tl.store(target + 5, tl.where(finite, ratio_out, nan))
        tl.store(target + 6, tl.where(finite, count.to(tl.float64), nan))


def fused_kernel(rows: Tensor, thresholds: Thresholds, groups: frozenset[Group]) -> Tensor:
    """[row, hidden] float32, bfloat16 or float16, any strides -> float64 [row, statistic]; NaN where not asked for."""
    n, width = rows.shape
    result = torch.full((n, len(STATISTICS)), torch.nan, dtype=torch.float64, device=rows.device)
    row_statistics[(n,)](
        rows,
        result,
        *rows.stride(),
        thresholds.absolute,
        thresholds.ratio,
        **launch(width, rows.dtype, groups),
    )
    return result


def launch(width: int, dtype: torch.dtype, groups: frozenset[Group]) -> dict[str, int | bool]:
    """The compile-time arguments of `row_statistics` and its number of warps."""
    block = triton.next_power_of_2(width)
    return {
        "WIDTH": width,
        "BLOCK": block,
        "BISECTIONS": STEPS[dtype],
        "MOMENTS": "moments" in groups,
        "MASSIVE": "massive" in groups,
        "num_warps": min(16, max(1, block // (32 * ELEMENTS_PER_THREAD))),
    }
