"""Spearman's rho of many columns at once: rank once, then one matrix product.

Mid-ranks are doubled and centred, so they are whole numbers, and so are their sums of products: exact in float64
whatever the order of summation. The same on every machine, for every block size and number of threads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

MINIMUM_N = 4
"""Fewer observations have no standard error (n - 3) and no rho worth the name."""


def centred_ranks(values: ArrayLike, groups: NDArray[np.integer] | None = None) -> Floats:
    """Mid-ranks along the last axis of `values` [..., n], times two, minus n + 1: whole numbers with sum 0.

    Ties share their average rank, as in `scipy.stats.rankdata`. With `groups` int [n], each is ranked by itself, and
    its own size stands for n. Nothing may be NaN.
    """
    values = np.asarray(values)
    n = values.shape[-1]
    order = np.argsort(values, axis=-1)
    starts, sizes = np.array([0]), np.array([n])
    if groups is not None:
        order = np.take_along_axis(order, np.argsort(groups[order], axis=-1, kind="stable"), axis=-1)
        sizes = np.bincount(groups)
        starts = np.cumsum(sizes) - sizes
    ordered = np.take_along_axis(values, order, axis=-1)
    differs = np.ones(values.shape, dtype=bool)
    np.not_equal(ordered[..., 1:], ordered[..., :-1], out=differs[..., 1:])
    differs[..., starts[starts < n]] = True
    first = last = np.arange(n)
    if not differs.all():  # of a run of equal values, the first and the last place
        first = np.maximum.accumulate(np.where(differs, first, 0), axis=-1)
        ends = np.roll(differs, -1, axis=-1)
        last = np.minimum.accumulate(np.where(ends, last, n - 1)[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(values.shape)
    centred = first + last - np.repeat(2 * starts + sizes - 1, sizes)
    np.put_along_axis(ranks, order, np.broadcast_to(centred, values.shape), axis=-1)
    return ranks


def correlate_ranks(x: Floats, y: Floats) -> Floats:
    """Rho [column, outcome] between centred ranks `x` [column, n] and `y` [outcome, n]; NaN if one is constant."""
    scale = np.sqrt(np.outer(np.einsum("cn,cn->c", x, x), np.einsum("tn,tn->t", y, y)))
    with np.errstate(invalid="ignore", divide="ignore"):
        rho: Floats = (x @ y.T) / scale
    return rho


def p_values(rho: ArrayLike, n: ArrayLike, covariates: int = 0) -> Floats:
    """Two-sided p by Student's t with n - 2 - covariates degrees of freedom, as `scipy.stats.spearmanr`."""
    rho = np.asarray(rho, dtype=np.float64)
    degrees = np.asarray(n, dtype=np.float64) - 2 - covariates
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(rho) * np.sqrt(degrees / ((1 + rho) * (1 - rho)))
    p: Floats = 2 * special.stdtr(degrees, -t)
    return p


def to_z(rho: ArrayLike) -> Floats:
    """Fisher's z = artanh(rho), finite even at |rho| = 1."""
    z: Floats = np.arctanh(np.clip(np.asarray(rho, dtype=np.float64), -1 + 1e-12, 1 - 1e-12))
    return z


def standard_error(rho: ArrayLike, n: ArrayLike, covariates: int = 0) -> Floats:
    """Standard error of Spearman's rho on Fisher's z: sqrt((1 + rho^2 / 2) / (n - 3)) (Bonett and Wright 2000)."""
    rho, n = np.asarray(rho, dtype=np.float64), np.asarray(n, dtype=np.float64)
    error: Floats = np.sqrt((1 + rho**2 / 2) / (n - 3 - covariates))
    return error


def fisher_interval(
    rho: ArrayLike, n: ArrayLike, alpha: float = 0.05, critical: float | None = None, covariates: int = 0
) -> tuple[Floats, Floats]:
    """Limits of rho at level 1 - alpha, or at `critical` standard errors on Fisher's z."""
    width = (special.ndtri(1 - alpha / 2) if critical is None else critical) * standard_error(rho, n, covariates)
    z = to_z(rho)
    return np.tanh(z - width), np.tanh(z + width)
