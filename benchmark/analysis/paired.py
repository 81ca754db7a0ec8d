"""Is it better than random choice? Differences in pairs, and many of them at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Matrix = NDArray[np.float64]


def paired_t(differences: Matrix, level: float = 0.95) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Mean, limits of its two-sided interval, and one-sided p against a mean of 0 or less: [...] each of [..., unit].

    Student's paired t-test over the units (queries, or datasets), NaN among them left out. Where all differences are
    the same, the interval is that value, and p is 0 above 0, else 1; of fewer than two units all but the mean is NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.isfinite(differences).sum(axis=-1)
        mean = np.nansum(differences, axis=-1) / np.where(n > 0, n, np.nan)
        squares = np.nansum((differences - mean[..., None]) ** 2, axis=-1)
        error = np.sqrt(squares / np.where(n > 1, n - 1, np.nan) / n)
        error = np.where(error < 1e-12, 0, error)  # the same but for rounding
        t = np.where((error == 0) & (np.abs(mean) < 1e-12), -np.inf, mean / error)
        half = special.stdtrit(n - 1, (1 + level) / 2) * error
        return mean, mean - half, mean + half, np.where(n > 1, special.stdtr(n - 1, -t), np.nan)


def holm(p: Matrix) -> Matrix:
    """Holm's adjusted p-values (1979), in the order given; NaN stays NaN and is no test."""
    adjusted = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = np.maximum.accumulate((len(order) - np.arange(len(order))) * p[order])
    adjusted[order] = np.minimum(steps, 1)
    return adjusted
