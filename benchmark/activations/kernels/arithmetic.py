"""Moments in float32 that lose nothing to a large mean or a large scale; shared by every path.

Raw power sums cancel when |mean| >> sigma. So the mean is subtracted first; what rounding left of it, the mean r of
the deviations d, is corrected for in the sums of powers (float64, per row):

    m2 = <d^2> - r^2,   m3 = <d^3> - 3 r <d^2> + 2 r^3,   m4 = <d^4> - 4 r <d^3> + 6 r^2 <d^2> - 3 r^4

Fourth powers of float32 neither overflow nor vanish while the variance is within `SAFE`. Beyond it, and for vectors of
equal values, a row is first scaled by a power of two to within [-2, 2], which is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SAFE = (1e-9, 1e9)
LARGEST_SCALE = 2.0**126
SMALLEST_SCALE = 2.0**-126
EXPONENT = 0x7F800000


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
    return torch.stack((sums.mean.double() + r, m2, m3 / m2.pow(1.5), m4 / m2.square() - 3.0), dim=-1)


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


def scaled_moments(sums: tuple[Tensor, ...], width: int) -> Tensor:
    """What `scaled_sums` gave -> float64 [row, 4], right for every finite row: see the definitions in `statistics`."""
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


def massive_limit(median: Tensor, absolute: float, ratio: float) -> Tensor:
    """float64 [row]: what |x| must be strictly above to be massive."""
    return (median * ratio).clamp(min=absolute)
