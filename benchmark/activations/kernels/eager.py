"""The statistics without a compiler: any shape, any dtype, any device.

On a CPU the work is numpy's, tile by tile in buffers that stay in the cache, tiles spread over torch's threads. The
median comes from numpy's vectorised partition of the magnitudes, in float32 at least, for not every processor has one
of 16 bits: an order of magnitude faster than `torch.sort`, `kthvalue` or `median` along rows.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.activations.kernels.arithmetic import SAFE, Sums, massive_limit, moments, scaled_moments, scaled_sums
from benchmark.activations.statistics import STATISTICS, Group, Thresholds

NARROW = 128  # below, a whole sort of a row takes less than a partition and two reductions
TILE_ELEMENTS = 1 << 15  # 128 KiB of float32: a tile and its temporaries stay in the second-level cache
Array = NDArray[Any]


def eager_kernel(rows: Tensor, thresholds: Thresholds, groups: frozenset[Group]) -> Tensor:
    """[row, hidden] of any float dtype and strides -> float64 [row, statistic]; NaN for groups not asked for."""
    result = torch.full((len(rows), len(STATISTICS)), torch.nan, dtype=torch.float64, device=rows.device)
    if "moments" in groups:
        result[:, :4] = (
            scaled_moments(scaled_sums(rows.float()), rows.shape[1]) if rows.is_cuda else tiled_moments(rows)
        )
    if "massive" in groups:
        result[:, 4:] = massive(rows, thresholds)
    return result


def massive(rows: Tensor, thresholds: Thresholds) -> Tensor:
    """[row, hidden] -> float64 [row, 3]: max |x|, max over median, count of massive activations."""
    width = rows.shape[1]
    if rows.is_cuda:
        ordered = rows.abs().sort(-1).values
        middle = ordered[:, (width - 1) // 2 : width // 2 + 1]
        peak = ordered[:, -1]
    else:
        peak, middle = tiled_order(rows)
    return massive_columns(rows, peak.double(), middle.double().mean(-1), thresholds)


def massive_columns(rows: Tensor, peak: Tensor, median: Tensor, thresholds: Thresholds) -> Tensor:
    """float64 [row, 3] from the float64 maximum and median of |x|; counts only in rows where one can be massive."""
    limit = massive_limit(median, thresholds.absolute, thresholds.ratio)
    count = torch.zeros_like(peak)
    some = (peak > limit).nonzero()[:, 0]
    if len(some):
        count[some] = (rows[some].double().abs() > limit[some, None]).sum(-1).double()
    columns = torch.stack((peak, peak / median, count), dim=-1)
    return torch.where(peak.isfinite()[:, None], columns, torch.nan)


def tiled_moments(rows: Tensor) -> Tensor:
    """float64 [row, 4] on a CPU; each sum is taken over a tile that is still in the cache."""
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

    _spread(work, n, width)
    result = moments(Sums(*torch.from_numpy(sums)), width)
    variance = result[:, 1]
    unsafe = (~((variance > SAFE[0]) & (variance < SAFE[1]))).nonzero()[:, 0]
    if len(unsafe):
        result[unsafe] = scaled_moments(scaled_sums(values[unsafe]), width)
    return result


def _sums(x: Array, ones: Array, buffers: Array, out: Array) -> None:
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


def tiled_order(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The largest |x| [row], and the one or two in the middle [row, 1 or 2], float32 or wider, on a CPU."""
    values: Array = (rows if rows.element_size() >= 4 else rows.float()).numpy()
    n, width = values.shape
    low, high = (width - 1) // 2, width // 2
    out = np.empty((n, high - low + 2), dtype=values.dtype)

    def work(start: int, stop: int, size: int) -> None:
        buffer = np.empty((size, width), dtype=values.dtype)
        for at in range(start, stop, size):
            end = min(at + size, stop)
            magnitude = np.abs(values[at:end], out=buffer[: end - at])
            if width < NARROW:
                magnitude.sort(-1)
                out[at:end, 0] = magnitude[:, -1]
                out[at:end, 1:] = magnitude[:, low : high + 1]
                continue
            magnitude.partition(low, -1)  # for one place it is vectorised, for two it is not
            out[at:end, 0] = magnitude[:, low:].max(-1)
            out[at:end, 1] = magnitude[:, low]
            if high > low:
                out[at:end, 2] = magnitude[:, high:].min(-1)

    _spread(work, n, width)
    found = torch.from_numpy(out)
    return found[:, 0], found[:, 1:]


def _spread(work: Callable[[int, int, int], None], n: int, width: int) -> None:
    """`work(start, stop, tile)` over all rows, a stretch for each of torch's threads; no result depends on it."""
    size = max(1, TILE_ELEMENTS // width)
    threads = min(torch.get_num_threads(), -(-n // size))
    if threads < 2:
        work(0, n, size)
        return
    cuts = [n * i // threads for i in range(threads + 1)]
    list(_pool(threads).map(lambda i: work(cuts[i], cuts[i + 1], size), range(threads)))


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="statistics")
