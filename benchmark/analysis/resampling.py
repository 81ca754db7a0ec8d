"""What chance and sampling do to a whole family of correlations: joint permutations, bootstrap, simultaneous limits.

Pools that share a dataset share its candidates. They are permuted and resampled together, so that the dependence
between cells, outcomes and models survives. Everything works on centred ranks (`spearman.centred_ranks`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.analysis.spearman import Floats, to_z

BINS = 100
"""Bins of |rho|, each 0.01 wide."""
SLACK = 1e-9
"""A resampled |rho| that equals the observed one but for rounding counts as at least as large."""
BLOCK = 200_000
"""Values (candidates x resamples) at a time; it bounds memory and changes no result."""


@dataclass(frozen=True)
class Null:
    """|rho| when the outcomes are permuted.

    `maxima` [permutation, pool, outcome], the largest over a pool's columns (0 where none is defined); `at_least`, for
    each pool, int [column, outcome], permutations that reach the observed |rho|; `histogram` int [bin], of all cells.
    """

    maxima: Floats
    at_least: list[NDArray[np.int64]]
    histogram: NDArray[np.int64]

    def p_values(self, observed: Floats) -> Floats:
        """P of each `observed` |rho| [...] against the maximum over the family: (1 + reached) / (1 + permutations)."""
        maxima = np.sort(self.maxima.max(axis=(1, 2)))
        reached = len(maxima) - np.searchsorted(maxima, np.asarray(observed) - SLACK)
        p: Floats = (1 + reached) / (1 + len(maxima))
        return np.where(np.isnan(observed), np.nan, p)


def permutation_null(
    x: Sequence[Floats], y: Sequence[Floats], groups: Sequence[Hashable], permutations: int, rng: np.random.Generator
) -> Null:
    """The null of |rho| between scores `x` and outcomes `y`, all outcomes of a group under the same permutation.

    `x` [column, n] and `y` [outcome, n], centred ranks, one of each a pool; rows of zeros are undefined and left out.
    `groups` names each pool's dataset; pools of a group have the same candidates in the same order.
    """
    maxima = np.zeros((permutations, len(x), len(y[0])))
    units = [(unit(a), unit(b)) for a, b in zip(x, y, strict=True)]
    observed = [np.abs(a @ b.T) for a, b in units]
    at_least = [np.zeros(o.shape, dtype=np.int64) for o in observed]
    histogram = np.zeros(BINS, dtype=np.int64)
    for members, stream in _by_group(groups, rng):
        n = x[members[0]].shape[1]
        for start, stop in _blocks(permutations, n):
            order = stream.permuted(np.tile(np.arange(n), (stop - start, 1)), axis=1)
            for p in members:
                _check_length(x[p], n)
                # whole-numbered ranks: the product is exact, and only then divided by its scale
                norms = np.outer(norm(x[p]), norm(y[p]))
                for t, row in enumerate(y[p]):
                    defined = norms[:, t] > 0
                    if not defined.any():
                        continue
                    rho = np.abs(row[order] @ x[p][defined].T)
                    rho /= norms[defined, t]
                    maxima[start:stop, p, t] = rho.max(axis=1)
                    at_least[p][defined, t] += (rho >= observed[p][defined, t] - SLACK).sum(axis=0)
                    histogram += histogram_counts(rho)
    return Null(maxima, at_least, histogram)


def histogram_counts(rho: Floats) -> NDArray[np.int64]:
    """How many |rho| of [...] fall into each bin: int [bin]."""
    bins = np.minimum((np.abs(rho).ravel() * BINS + SLACK).astype(np.int64), BINS - 1)
    return np.bincount(bins, minlength=BINS).astype(np.int64)


def norm(ranks: Floats) -> Floats:
    """Length of each row of `ranks` [row, n]: [row]."""
    length: Floats = np.sqrt(np.einsum("rn,rn->r", ranks, ranks))
    return length


def unit(ranks: Floats) -> Floats:
    """Rows of `ranks` [row, n] at length 1; rows of zeros stay so."""
    length = norm(ranks)[:, None]
    return np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0)


def bootstrap_rho(
    x: Sequence[Floats], y: Sequence[Floats], groups: Sequence[Hashable], samples: int, rng: np.random.Generator
) -> list[Floats]:
    """Rho in bootstrap samples of the candidates, ranked anew in each: for each pool [sample, column, outcome].

    Arguments as of `permutation_null`. NaN where a sample leaves a score or outcome constant.
    """
    out = [np.full((samples, len(a), len(b)), np.nan) for a, b in zip(x, y, strict=True)]
    for members, stream in _by_group(groups, rng):
        n = x[members[0]].shape[1]
        for start, stop in _blocks(samples, n):
            drawn = stream.integers(n, size=(stop - start, n))
            offset = drawn + n * np.arange(stop - start)[:, None]
            counts = np.bincount(offset.ravel(), minlength=n * (stop - start))
            weights = counts.astype(np.int32).reshape(-1, n)
            for p in members:
                _check_length(x[p], n)
                out[p][start:stop] = weighted_rho(x[p], y[p], weights)
    return out


def weighted_rho(x: Floats, y: Floats, weights: NDArray[np.int32]) -> Floats:
    """Rho [sample, column, outcome] between `x` [column, n] and `y` [outcome, n], candidates repeated `weights` times.

    `weights` int32 [sample, n] with the sum n in each sample. All sums are of whole numbers, so exact.
    """
    untied = sum_of_squares(weights)
    outcomes, scale = [], []
    for row in y:
        ranks, sizes = weighted_ranks(row, weights)
        outcomes.append(weights * ranks)
        scale.append(sum_of_squares(sizes))
    out = np.empty((len(weights), len(x), len(y)))
    for c, row in enumerate(x):
        ranks, sizes = weighted_ranks(row, weights)
        own = untied if sizes.shape == weights.shape else sum_of_squares(sizes)
        for t, outcome in enumerate(outcomes):
            with np.errstate(invalid="ignore", divide="ignore"):
                out[:, c, t] = np.vecdot(ranks, outcome) / np.sqrt(own * scale[t])
    return out


def weighted_ranks(row: Floats, weights: NDArray[np.int32]) -> tuple[Floats, NDArray[np.int32]]:
    """Centred ranks [sample, n] of `row` [n] in samples that hold candidate i `weights[:, i]` times, and how often they
    hold each of its distinct values: int32 [sample, value].

    Ranking a sample anew needs no sorting: a doubled mid-rank is the weight below a value plus the weight up to it.
    """
    _, index, counts = np.unique(row, return_inverse=True, return_counts=True)
    sizes = np.take(weights, np.argsort(index, kind="stable"), axis=1)
    upto = np.cumsum(sizes, axis=1, dtype=np.int32)
    if len(counts) < len(row):
        upto = upto[:, np.cumsum(counts) - 1]
        sizes = np.diff(upto, axis=1, prepend=np.int32(0))
    ranks = 2 * upto - sizes - len(row)
    return np.take(ranks, index, axis=1).astype(np.float64), sizes


def sum_of_squares(sizes: NDArray[np.int32]) -> Floats:
    """The sum [sample] of the squares of a sample's centred ranks, n^3 - sum of sizes^3 over 3, for `sizes`
    [sample, value] of its ties, which sum to n.
    """
    size = sizes.astype(np.float64)
    total: Floats = (size.sum(axis=1) ** 3 - np.vecdot(size * size, size)) / 3
    return total


@dataclass(frozen=True)
class Errors:
    """Standard errors on Fisher's z, for each pool [column, outcome], and how many of them a simultaneous limit is."""

    standard_errors: list[Floats]
    critical: float


def bootstrap_errors(rho: Sequence[Floats], replicates: Sequence[Floats], alpha: float) -> Errors:
    """Standard errors from bootstrap `replicates` of `rho` (for each pool [column, outcome]), and the 1 - alpha
    quantile of the largest |z* - z| / se over the family: the sup-t band (Montiel Olea and Plagborg-Moller 2019).
    """
    errors: list[Floats] = []
    largest = np.zeros(len(replicates[0]))
    for observed, drawn in zip(rho, replicates, strict=True):
        z, center = to_z(drawn), to_z(observed)
        with np.errstate(invalid="ignore"):
            defined = np.isfinite(drawn).sum(axis=0) > 1
            error = np.full(observed.shape, np.nan)
            error[defined] = np.nanstd(z[:, defined], axis=0, ddof=1)
            t = np.divide(np.abs(z - center), error, out=np.zeros_like(z), where=error > 0)
        np.nan_to_num(t, copy=False)
        largest = np.maximum(largest, t.max(axis=(1, 2), initial=0))
        errors.append(error)
    return Errors(errors, float(np.quantile(largest, 1 - alpha, method="higher")))


def fisher_errors(errors: Sequence[Floats], null: Null, n: Sequence[int], alpha: float) -> Errors:
    """`errors` by formula, and the 1 - alpha quantile of the largest |z| sqrt(n - 3) over the family under the null."""
    scaled = to_z(null.maxima) * np.sqrt(np.array(n)[:, None] - 3)
    return Errors(list(errors), float(np.quantile(scaled.max(axis=(1, 2)), 1 - alpha, method="higher")))


def limits(rho: Floats, error: Floats, critical: float) -> tuple[Floats, Floats]:
    """Rho's limits at `critical` standard errors on Fisher's z; arrays of one shape."""
    z = to_z(rho)
    return np.tanh(z - critical * error), np.tanh(z + critical * error)


def lower_limit(rho: Floats, error: Floats, critical: float) -> Floats:
    """The lower limit of |rho|, at least 0."""
    return np.maximum(0, np.tanh(np.abs(to_z(rho)) - critical * error))


def _by_group(groups: Sequence[Hashable], rng: np.random.Generator) -> Iterator[tuple[list[int], np.random.Generator]]:
    """The indices of each group's pools with a generator of their own, so that blocks change no draw."""
    names = list(dict.fromkeys(groups))
    for name, stream in zip(names, rng.spawn(len(names)), strict=True):
        yield [i for i, group in enumerate(groups) if group == name], stream


def _blocks(total: int, n: int) -> Iterator[tuple[int, int]]:
    size = max(1, BLOCK // n)
    for start in range(0, total, size):
        yield start, min(start + size, total)


def _check_length(x: Floats, n: int) -> None:
    if x.shape[1] != n:
        raise ValueError(f"pools of a group have {n} and {x.shape[1]} candidates")
