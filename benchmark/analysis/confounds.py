"""Rho between score and outcome once what is trivial about a candidate is taken out of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.analysis.spearman import Floats, centred_ranks
from benchmark.artefacts.cells import Cells

MINIMUM_LEVEL = 5
"""Levels with fewer candidates are one level: as many columns as candidates would explain anything."""


@dataclass(frozen=True)
class Shares:
    """How much of each outcome's rank variance a confound explains: [outcome]; adjusted for its number of columns."""

    covariates: int
    r_squared: Floats
    adjusted: Floats


def lengths(cells: Cells) -> Floats:
    """Ranks of the input's and the outcome's number of tokens: [column, n]."""
    return centred_ranks(np.stack([cells.n_input, cells.n_target]))


def levels(names: NDArray[np.integer]) -> Floats:
    """An indicator row for each level of `names` [n] but the first; rare levels are one: [level - 1, n]."""
    unique, index, counts = np.unique(names, return_inverse=True, return_counts=True)
    merged = np.where(counts[index] >= MINIMUM_LEVEL, index, len(unique))
    kept = np.unique(merged)[1:]
    rows: Floats = (merged == kept[:, None]).astype(np.float64)
    return rows


ROWS: dict[str, Callable[[Cells], Floats]] = {
    "length": lengths,
    "target": lambda cells: levels(cells.target),
    "first_token": lambda cells: levels(cells.first_token),
}
CONFOUNDS = tuple(ROWS)


def covariates(cells: Cells, confounds: Sequence[str] = CONFOUNDS) -> Floats:
    """Rows [covariate, n] that describe the `confounds` of a pool's candidates; [0, n] where they are constant."""
    return np.concatenate([ROWS[name](cells) for name in confounds])


def basis(rows: Floats) -> Floats:
    """Orthonormal rows [rank, n] that span the constant and `rows` [row, n]; row 0 is the constant."""
    n = rows.shape[1]
    centred = rows - rows.mean(axis=1, keepdims=True)
    scale = np.linalg.norm(centred, axis=1)
    varies = scale > 1e-12 * np.linalg.norm(rows, axis=1)  # what is left of a constant row is rounding error
    centred = centred[varies] / scale[varies, None]
    _, singular, right = np.linalg.svd(centred, full_matrices=False)
    span = right[singular > 1e-8 * max(singular, default=0)]
    constant: Floats = np.full((1, n), n**-0.5)
    return np.concatenate([constant, span])


def residuals(rows: Floats, span: Floats) -> Floats:
    """What `span` (orthonormal rows) does not explain of `rows` [row, n]; exactly 0 where that is rounding error."""
    rest: Floats = rows - (rows @ span.T) @ span
    size, left = np.linalg.norm(rows, axis=1), np.linalg.norm(rest, axis=1)
    rest[left <= 1e-8 * size] = 0
    return rest


def partial_spearman(x: Floats, y: Floats, span: Floats) -> Floats:
    """Rho [column, outcome] of the residuals of ranks `x` [column, n] and `y` [outcome, n]; NaN where none is left."""
    a, b = residuals(x, span), residuals(y, span)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho: Floats = (a @ b.T) / np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    return np.clip(rho, -1, 1)


def explained(y: Floats, rows: Floats) -> Shares:
    """Share of the rank variance of `y` [outcome, n] that `rows` [covariate, n] explain; NaN for constant outcomes."""
    span = basis(rows)
    k, n = len(span) - 1, y.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 1 - (residuals(y, span) ** 2).sum(axis=1) / (y**2).sum(axis=1)
    adjusted = 1 - (1 - share) * (n - 1) / (n - 1 - k) if n - 1 > k else np.full(len(y), np.nan)
    return Shares(k, share, adjusted)
