"""The statistics in plain torch, tile by tile: no compiler, any shape, any device.

On a CPU the median comes from numpy's vectorised sort of the magnitudes, as integers where 16 bits hold them: an order
of magnitude faster than `torch.sort`, `kthvalue` or `median` along rows.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benchmark.activations.kernels.arithmetic import centred_sums, massive_limit, moments
from benchmark.activations.statistics import STATISTICS, Group, Thresholds

TILE_ELEMENTS = 1 << 17  # 512 KiB of float32: the temporaries of a tile stay in the cache


def eager_kernel(rows: Tensor, thresholds: Thresholds, groups: frozenset[Group]) -> Tensor:
    """[row, hidden] of any float dtype and strides -> float64 [row, statistic]; NaN for groups not asked for."""
    result = torch.full((len(rows), len(STATISTICS)), torch.nan, dtype=torch.float64, device=rows.device)
    size = max(1, TILE_ELEMENTS // rows.shape[1])
    for tile, out in zip(torch.split(rows, size), torch.split(result, size), strict=True):
        if "moments" in groups:
            out[:, :4] = moments(centred_sums(tile.float()))
        if "massive" in groups:
            out[:, 4:] = massive(tile, thresholds)
    return result


def massive(rows: Tensor, thresholds: Thresholds) -> Tensor:
    """[row, hidden] -> float64 [row, 3]: max |x|, max over median, count of massive activations."""
    ordered = _sorted_magnitudes(rows)
    width = rows.shape[1]
    middle = ordered[:, (width - 1) // 2 : width // 2 + 1].double()
    return massive_columns(rows, ordered[:, -1].double(), middle.mean(-1), thresholds)


def massive_columns(rows: Tensor, peak: Tensor, median: Tensor, thresholds: Thresholds) -> Tensor:
    """float64 [row, 3] from the float64 maximum and median of |x|; counts only in rows where one can be massive."""
    finite = peak.isfinite()
    limit = massive_limit(median, thresholds.absolute, thresholds.ratio)
    count = torch.zeros_like(peak)
    some = peak > limit
    if rows.is_cuda or bool(some.any()):
        count[some] = (rows[some].double().abs() > limit[some, None]).sum(-1).double()
    columns = torch.stack((peak, peak / median, count), dim=-1)
    return torch.where(finite[:, None], columns, torch.nan)


def _sorted_magnitudes(rows: Tensor) -> Tensor:
    if rows.is_cuda:
        return rows.abs().sort(-1).values
    if rows.dtype in (torch.bfloat16, torch.float16):  # without the sign bit, 16-bit floats order as integers do
        bits = rows.view(torch.int16) & 0x7FFF
        return torch.from_numpy(np.sort(bits.numpy(), axis=-1)).view(rows.dtype)
    return torch.from_numpy(np.sort(rows.abs().numpy(), axis=-1))
