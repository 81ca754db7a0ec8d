"""Moments in float32 that lose nothing to a large mean or a large scale; shared by the eager and the compiled path.

Raw power sums cancel when |mean| >> sigma. Here a row is scaled by a power of two to within [-2, 2] (exact, so fourth
powers neither overflow nor vanish), its mean is subtracted, then the mean of what remains, which is what rounding left
of the first. What is per row, not per element, is float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

LARGEST_SCALE = 2.0**126
SMALLEST_SCALE = 2.0**-126
EXPONENT = 0x7F800000


def centred_sums(x: Tensor) -> tuple[Tensor, ...]:
    """float32 [row, hidden] -> float32 [row] each: highest, lowest, scale, scaled mean, its correction, m2, m3, m4."""
    high, low = x.amax(-1), x.amin(-1)
    peak = torch.maximum(high, -low)
    scale = (peak.view(torch.int32) & EXPONENT).view(torch.float32).clamp(SMALLEST_SCALE, LARGEST_SCALE)
    scaled = x * (1.0 / scale)[:, None]
    mean = scaled.mean(-1)
    deviation = scaled - mean[:, None]
    correction = deviation.mean(-1)
    deviation = deviation - correction[:, None]
    square = deviation * deviation
    return (
        high,
        low,
        scale,
        mean,
        correction,
        square.mean(-1),
        (square * deviation).mean(-1),
        (square * square).mean(-1),
    )


def moments(sums: tuple[Tensor, ...]) -> Tensor:
    """What `centred_sums` gave -> float64 [row, 4]: mean, variance, skewness, kurtosis."""
    high, low, scale, mean, correction, m2, m3, m4 = (value.double() for value in sums)
    constant = high == low
    m2 = torch.where(constant, 0.0, m2)
    undefined = torch.where(constant, torch.nan, 0.0)
    columns = (
        torch.where(constant, high, (mean + correction) * scale),
        m2 * scale * scale,
        m3 / m2.pow(1.5) + undefined,
        m4 / m2.square() - 3.0 + undefined,
    )
    return torch.stack(columns, dim=-1)


def massive_limit(median: Tensor, absolute: float, ratio: float) -> Tensor:
    """float64 [row]: what |x| must be strictly above to be massive."""
    return (median * ratio).clamp(min=absolute)
