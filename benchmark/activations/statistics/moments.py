"""The first four moments of a vector, as `scipy.stats` defines them with bias=True.

All values equal: variance 0; skewness and kurtosis NaN, undefined, by definition and not by rounding.

The fast paths work in float32 and lose nothing to a large mean or a large scale. Raw power sums cancel when |mean| >>
sigma. So the mean is subtracted first; what rounding left of it, the mean r of the deviations d, is corrected for in
the sums of powers (float64, per row):

    m2 = <d^2> - r^2,   m3 = <d^3> - 3 r <d^2> + 2 r^3,   m4 = <d^4> - 4 r <d^3> + 6 r^2 <d^2> - 3 r^4

Fourth powers of float32 neither overflow nor vanish while the variance is within `SAFE`. Beyond it, and for vectors of
equal values, a row is first scaled by a power of two to within [-2, 2], which is exact.
"""

# mypy: disable-error-code="no-untyped-def"
# Triton evaluates the annotations of a kernel, and knows none but tl.constexpr.

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.activations.gpu_language import jit, tl, triton, warps
from benchmark.activations.group import Floats, Group, Thresholds
from benchmark.activations.sequences import Sequences
from benchmark.activations.tiles import over_tiles

SAFE = (1e-9, 1e9)
LARGEST_SCALE = 2.0**126
SMALLEST_SCALE = 2.0**-126
EXPONENT = 0x7F800000
TILE_ROWS = 128  # of a compiled tile
Array = NDArray[Any]
Compiled = Callable[[Tensor], tuple[Tensor, ...]]
log = logging.getLogger(__name__)


class Moments(Group):
    columns: ClassVar = {
        "mean": "mean over the hidden dimension",
        "variance": "population variance",
        "skewness": "g1, biased",
        "kurtosis": "excess (Fisher), biased",
    }

    def reference(self, sequence: Floats, thresholds: Thresholds) -> Floats:
        def central(power: int) -> Floats:
            return np.asarray(np.mean((sequence - sequence.mean(-1, keepdims=True)) ** power, axis=-1))

        constant = sequence.max(-1) == sequence.min(-1)
        columns = (
            sequence.mean(-1),
            np.where(constant, 0.0, central(2)),
            np.where(constant, np.nan, central(3) / central(2) ** 1.5),
            np.where(constant, np.nan, central(4) / central(2) ** 2 - 3.0),
        )
        return np.stack(columns, axis=-1)

    def eager(self, rows: Tensor, sequences: Sequences, thresholds: Thresholds) -> Tensor:
        return sequences.each_row(rows, scaled_moments if rows.is_cuda else tiled_moments)

    def compiled(self, rows: Tensor, sequences: Sequences, thresholds: Thresholds) -> Tensor:
        """Tiles of a fixed size, compiled once for each width and dtype; where that fails, eager, logged."""
        sums_of_tile = compiled_sums(rows.shape[1], rows.dtype)
        return sequences.each_row(
            rows, tiled_moments if sums_of_tile is None else lambda x: compiled_moments(x, sums_of_tile)
        )

    def triton(self, rows: Tensor, sequences: Sequences, thresholds: Thresholds) -> Tensor:
        return sequences.each_row(rows, fused_moments)


GROUP = Moments()


@dataclass(frozen=True, slots=True)
class Sums:
    """float32 [row] each: the mean that was subtracted, and the sums of deviations and of their powers 2, 3, 4."""

    mean: Tensor
    s1: Tensor
    s2: Tensor
    s3: Tensor
    s4: Tensor


def moments(sums: Sums, width: int) -> Tensor:
    """float64 [row, 4]: mean, variance, skewness, kurtosis of rows of `width` values."""
    r, d2, d3, d4 = ((value.double() / width) for value in (sums.s1, sums.s2, sums.s3, sums.s4))
    m2 = d2 - r**2
    m3 = d3 - 3 * r * d2 + 2 * r**3
    m4 = d4 - 4 * r * d3 + 6 * r**2 * d2 - 3 * r**4
    return torch.stack((sums.mean.double() + r, m2, m3 / (m2 * m2.sqrt()), m4 / m2.square() - 3.0), dim=-1)


def power_of_two(peak: Tensor) -> Tensor:
    """float32 [row] -> the largest power of two up to it, kept within normal numbers."""
    return (peak.view(torch.int32) & EXPONENT).view(torch.float32).clamp(SMALLEST_SCALE, LARGEST_SCALE)


def scaled_sums(x: Tensor) -> tuple[Tensor, ...]:
    """float32 [row, hidden] -> float32 [row] each: highest, lowest, scale, and the fields of `Sums` of x / scale."""
    high, low = x.amax(-1), x.amin(-1)
    scale = power_of_two(torch.maximum(high, -low))
    scaled = x * (1.0 / scale)[:, None]
    mean = scaled.sum(-1) / x.shape[1]
    deviation = scaled - mean[:, None]
    square = deviation * deviation
    return (
        high,
        low,
        scale,
        mean,
        deviation.sum(-1),
        square.sum(-1),
        (square * deviation).sum(-1),
        (square * square).sum(-1),
    )


def moments_of_scaled(sums: tuple[Tensor, ...], width: int) -> Tensor:
    """What `scaled_sums` gave -> float64 [row, 4], right for every finite row."""
    high, low, scale = (value.double() for value in sums[:3])
    mean, variance, skewness, kurtosis = moments(Sums(*sums[3:]), width).unbind(-1)
    constant = high == low
    columns = (
        torch.where(constant, high, mean * scale),
        torch.where(constant, 0.0, variance * scale * scale),
        torch.where(constant, torch.nan, skewness),
        torch.where(constant, torch.nan, kurtosis),
    )
    return torch.stack(columns, dim=-1)


def scaled_moments(rows: Tensor) -> Tensor:
    """[row, hidden] on any device -> float64 [row, 4]."""
    return moments_of_scaled(scaled_sums(rows.float()), rows.shape[1])


def tiled_moments(rows: Tensor) -> Tensor:
    """[row, hidden] on a CPU -> float64 [row, 4]; each sum is taken over a tile that is still in the cache."""
    values = rows.float().contiguous()
    n, width = values.shape
    array = values.numpy()
    sums = np.empty((len(fields(Sums)), n), dtype=np.float32)

    def work(start: int, stop: int, size: int) -> None:
        buffers = np.empty((2, size, width), dtype=np.float32)
        ones = np.ones(width, dtype=np.float32)
        for at in range(start, stop, size):
            end = min(at + size, stop)
            with np.errstate(all="ignore"):  # what is out of float32's range is done again below
                _sums(array[at:end], ones, buffers[:, : end - at], sums[:, at:end])

    over_tiles(work, n, width)
    result = moments(Sums(*torch.from_numpy(sums)), width)
    variance = result[:, 1]
    unsafe = (~((variance > SAFE[0]) & (variance < SAFE[1]))).nonzero()[:, 0]
    if len(unsafe):
        result[unsafe] = scaled_moments(values[unsafe])
    return result


def _sums(x: Array, ones: Array, buffers: Array, out: Array) -> None:
    """BLAS dot products, and one subtraction."""
    deviation, square = buffers
    mean, s1, s2, s3, s4 = out
    np.vecdot(x, ones, out=mean)
    mean /= np.float32(x.shape[1])
    np.subtract(x, mean[:, None], out=deviation)
    np.vecdot(deviation, ones, out=s1)
    np.vecdot(deviation, deviation, out=s2)
    np.multiply(deviation, deviation, out=square)
    np.vecdot(square, deviation, out=s3)
    np.vecdot(square, square, out=s4)


def compiled_moments(rows: Tensor, sums_of_tile: Compiled) -> Tensor:
    """[row, hidden] on a CPU -> float64 [row, 4]."""
    n, width = rows.shape
    sums = torch.empty(8, -(-n // TILE_ROWS) * TILE_ROWS)
    for start in range(0, n, TILE_ROWS):
        tile = rows[start : start + TILE_ROWS]
        if len(tile) < TILE_ROWS or not tile.is_contiguous():
            whole = tile.new_zeros(TILE_ROWS, width)
            whole[: len(tile)] = tile
            tile = whole
        torch.stack(sums_of_tile(tile), out=sums[:, start : start + TILE_ROWS])
    return moments_of_scaled(tuple(sums[:, :n]), width)


def _sums_of_tile(tile: Tensor) -> tuple[Tensor, ...]:
    return scaled_sums(tile.float())


@lru_cache(maxsize=16)
def compiled_sums(width: int, dtype: torch.dtype) -> Compiled | None:
    """`scaled_sums` for tiles [TILE_ROWS, width], or None where it does not compile."""
    compiled: Any = torch.compile(_sums_of_tile, dynamic=False, fullgraph=True)
    try:
        with torch.inference_mode():
            compiled(torch.ones(TILE_ROWS, width, dtype=dtype))
    except Exception as error:  # a missing compiler, header or OpenMP each fail in their own way
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        log.warning("statistics are computed without a compiler: %s", reason)
        return None
    return compiled  # type: ignore[no-any-return]


@jit
def _add3(a0, a1, a2, b0, b1, b2):
    return a0 + b0, a1 + b1, a2 + b2


@jit
def row_moments(x, out, stride_row, stride_column, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    """Program r: row r of `x` [row, WIDTH], read once and kept in registers as float32 -> `out` float64 [row, 4]."""
    row = tl.program_id(0).to(tl.int64)
    offsets = tl.arange(0, BLOCK)
    valid = offsets < WIDTH
    value = tl.load(x + row * stride_row + offsets * stride_column, mask=valid, other=0.0).to(tl.float32)
    peak_bits = tl.max(value.to(tl.int32, bitcast=True) & 0x7FFFFFFF, axis=0)
    finite = peak_bits < 0x7F800000
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
    target = out + row * 4
    tl.store(target, tl.where(finite, mean_out, nan))
    tl.store(target + 1, tl.where(finite, tl.where(high == low, 0.0, m2 * scale * scale), nan))
    tl.store(target + 2, tl.where(undefined, nan, m3 / (safe * tl.sqrt(safe))))
    tl.store(target + 3, tl.where(undefined, nan, m4 / (safe * safe) - 3.0))


def fused_moments(rows: Tensor) -> Tensor:
    """[row, hidden] float32, bfloat16 or float16, any strides -> float64 [row, 4]."""
    n, width = rows.shape
    result = torch.empty((n, 4), dtype=torch.float64, device=rows.device)
    block = triton.next_power_of_2(width)
    row_moments[(n,)](rows, result, *rows.stride(), WIDTH=width, BLOCK=block, num_warps=warps(block))
    return result
