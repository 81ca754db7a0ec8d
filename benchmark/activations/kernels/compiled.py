"""Moments by `torch.compile` on tiles of a fixed size: compiled once for each width and dtype, on a CPU.

The median stays with the eager path: its vectorised partition beats a compiled bisection (docs/performance.md). Where
there is no compiler, or it fails, all is eager, and the log says why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from benchmark.activations.kernels.arithmetic import scaled_moments, scaled_sums
from benchmark.activations.kernels.eager import eager_kernel
from benchmark.activations.statistics import Group, Thresholds

TILE_ROWS = 128
log = logging.getLogger(__name__)
Compiled = Callable[[Tensor], tuple[Tensor, ...]]


def compiled_kernel(rows: Tensor, thresholds: Thresholds, groups: frozenset[Group]) -> Tensor:
    """[row, hidden] -> float64 [row, statistic]; NaN for groups not asked for."""
    result = eager_kernel(rows, thresholds, groups - {"moments"})
    if "moments" not in groups:
        return result
    sums_of_tile = compiled_sums(rows.shape[1], rows.dtype)
    if sums_of_tile is None:
        return torch.where(result.isnan(), eager_kernel(rows, thresholds, frozenset({"moments"})), result)
    n = len(rows)
    sums = torch.empty(8, -(-n // TILE_ROWS) * TILE_ROWS)
    for start in range(0, n, TILE_ROWS):
        tile = rows[start : start + TILE_ROWS]
        if len(tile) < TILE_ROWS or not tile.is_contiguous():
            whole = tile.new_zeros(TILE_ROWS, rows.shape[1])
            whole[: len(tile)] = tile
            tile = whole
        torch.stack(sums_of_tile(tile), out=sums[:, start : start + TILE_ROWS])
    result[:, :4] = scaled_moments(tuple(sums[:, :n]), rows.shape[1])
    return result


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
