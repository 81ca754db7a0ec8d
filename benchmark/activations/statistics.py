"""The statistics of one activation vector, and their float64 reference.

    STATISTICS["kurtosis"].reference(rows, thresholds)     rows [n, hidden] -> float64 [n]

Moments follow `scipy.stats` with bias=True. Massive activations follow Sun et al. 2024 (arXiv 2402.17762): |x| above
100 and above 1000 times the median of |x|, which is numpy's median, the mean of the two middle values at even width.

Degenerate vectors, by definition and not by rounding:
- all values equal: variance 0; skewness and kurtosis NaN (undefined), as in scipy.
- median of |x| zero: `max_median_ratio` is inf, and NaN for the vector of zeros.
- a NaN or an infinity anywhere: every statistic is NaN. Extraction reports it as an error and never pools it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.errors import BenchmarkError, unknown

Floats = NDArray[np.float64]
Group = Literal["moments", "massive"]
SITES = ("mlp_output", "residual")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A massive activation is strictly above both: `absolute`, and `ratio` times the median of |x|."""

    absolute: float = 100.0
    ratio: float = 1000.0


@dataclass(frozen=True, slots=True)
class Statistic:
    """`group`: what a kernel computes together. Every statistic is defined at every site."""

    name: str
    group: Group
    reference: Callable[[Floats, Thresholds], Floats]
    meaning: str


def _central(rows: Floats, power: int) -> Floats:
    return np.asarray(np.mean((rows - rows.mean(-1, keepdims=True)) ** power, axis=-1))


def _constant(rows: Floats) -> NDArray[np.bool_]:
    return np.asarray(rows.max(-1) == rows.min(-1))


def mean(rows: Floats, _: Thresholds) -> Floats:
    return np.asarray(rows.mean(-1))


def variance(rows: Floats, _: Thresholds) -> Floats:
    return np.where(_constant(rows), 0.0, _central(rows, 2))


def skewness(rows: Floats, _: Thresholds) -> Floats:
    return np.where(_constant(rows), np.nan, _central(rows, 3) / _central(rows, 2) ** 1.5)


def kurtosis(rows: Floats, _: Thresholds) -> Floats:
    return np.where(_constant(rows), np.nan, _central(rows, 4) / _central(rows, 2) ** 2 - 3.0)


def max_abs(rows: Floats, _: Thresholds) -> Floats:
    return np.asarray(np.abs(rows).max(-1))


def max_median_ratio(rows: Floats, _: Thresholds) -> Floats:
    return np.asarray(np.abs(rows).max(-1) / np.median(np.abs(rows), axis=-1))


def massive_count(rows: Floats, thresholds: Thresholds) -> Floats:
    magnitude = np.abs(rows)
    median = np.median(magnitude, axis=-1, keepdims=True)
    massive = (magnitude > thresholds.absolute) & (magnitude > thresholds.ratio * median)
    return np.asarray(massive.sum(-1), dtype=np.float64)


STATISTICS: dict[str, Statistic] = {
    statistic.name: statistic
    for statistic in (
        Statistic("mean", "moments", mean, "mean over the hidden dimension"),
        Statistic("variance", "moments", variance, "population variance"),
        Statistic("skewness", "moments", skewness, "g1, biased"),
        Statistic("kurtosis", "moments", kurtosis, "excess (Fisher), biased"),
        Statistic("max_abs", "massive", max_abs, "max |x|"),
        Statistic("max_median_ratio", "massive", max_median_ratio, "max |x| over median |x|"),
        Statistic("massive_count", "massive", massive_count, "massive activations of Sun et al. 2024"),
    )
}
COLUMN = {name: index for index, name in enumerate(STATISTICS)}


def statistic(name: str) -> Statistic:
    """The registered statistic; `BenchmarkError` with the nearest name for an unknown one."""
    if name not in STATISTICS:
        raise unknown("statistic", name, STATISTICS)
    return STATISTICS[name]


def check_names(sites: Iterable[str], statistics: Iterable[str]) -> None:
    """Raises `BenchmarkError` for an unknown site or statistic."""
    for site in sites:
        if site not in SITES:
            raise unknown("site", site, SITES)
    for name in statistics:
        statistic(name)


def reference(rows: ArrayLike, thresholds: Thresholds | None = None) -> Floats:
    """Every statistic of every row by two passes in float64: [row, hidden] -> [row, statistic], in registry order."""
    values = np.asarray(rows, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise BenchmarkError(f"statistics need rows [n, hidden], not an array of shape {values.shape}")
    bad = np.asarray(~np.isfinite(values).all(-1))
    safe = np.where(bad[:, None], 0.0, values)
    limits = thresholds or Thresholds()
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = [entry.reference(safe, limits) for entry in STATISTICS.values()]
    result = np.stack(columns, axis=-1)
    result[bad] = np.nan
    return result
