"""What chance and sampling do to a whole family of correlations: joint permutations, bootstrap, simultaneous limits.

Pools that share a dataset share its candidates. They are permuted and resampled together, so that the dependence
between cells, outcomes and models survives. Everything works on centred ranks (`spearman.centred_ranks`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.analysis.equivalence import independent
from benchmark.analysis.spearman import Floats, standard_error, to_z
from benchmark.analysis.strata import Strata

BINS = 100
"""Bins of |rho|, each 0.01 wide."""
FEWEST = 20
"""With fewer candidates a rho has no interval: where a few agree by luck they agree in every bootstrap sample too, and
a standard error of 0 says nothing of the next ones.
"""
SLACK = 1e-9
"""A resampled |rho| that equals the observed one but for rounding counts as at least as large."""
BLOCK = 120_000
"""Values (candidates x resamples) at a time; it bounds memory and changes no result."""


Chosen = NDArray[np.bool_]
"""Which cells of a pool a family declares: bool [column, outcome]."""


@dataclass(frozen=True)
class Resampled:
    """What is permuted and resampled of one pool: centred ranks `x` [column, n] and `y` [outcome, n] within `strata`.

    Rows of zeros are undefined and left out. Pools of one `group` have the same candidates in the same order.
    """

    group: Hashable
    strata: Strata
    x: Floats
    y: Floats


@dataclass(frozen=True)
class Null:
    """|rho| of a family's cells when the outcomes are permuted.

    `maxima` [permutation, pool, outcome], the largest over a pool's columns (0 where none is defined); `at_least`, for
    each pool, int [column, outcome], permutations that reach the observed |rho|; `histogram` int [bin], of all cells.
    """

    maxima: Floats
    at_least: list[NDArray[np.int64]]
    histogram: NDArray[np.int64]

    def p_values(self, observed: ArrayLike) -> Floats:
        """P of each `observed` |rho| [...] against the maximum over the family: (1 + reached) / (1 + permutations)."""
        maxima = np.sort(self.maxima.max(axis=(1, 2)))
        reached = len(maxima) - np.searchsorted(maxima, np.asarray(observed) - SLACK)
        p: Floats = (1 + reached) / (1 + len(maxima))
        return np.where(np.isnan(np.asarray(observed)), np.nan, p)

    def reached(self, n: Sequence[int], alpha: float) -> Floats:
        """The |rho| [pool] that a cell must exceed to be more than chance, at `alpha` jointly over the family.

        That of |rho| sqrt(n - 1), of which chance makes as much in every pool: a small one does not hide a large one.
        """
        scale = np.sqrt(np.maximum(n, 2) - 1)
        largest = (self.maxima.max(axis=2) * scale).max(axis=1)
        found: Floats = np.quantile(largest, 1 - alpha, method="higher") / scale + SLACK
        return found


def permutation_null(
    pools: Sequence[Resampled],
    families: Mapping[str, Sequence[Chosen]],
    permutations: int,
    rng: np.random.Generator,
) -> dict[str, Null]:
    """The null of each of `families` (what it declares of each pool), from one set of permutations.

    All outcomes and models of a group are permuted alike, each candidate within its stratum.
    """
    outcomes = len(pools[0].y)
    maxima = {name: np.zeros((permutations, len(pools), outcomes)) for name in families}
    histogram = {name: np.zeros(BINS, dtype=np.int64) for name in families}
    observed = [np.abs(unit(pool.x) @ unit(pool.y).T) for pool in pools]
    at_least = [np.zeros(o.shape, dtype=np.int64) for o in observed]
    for members, stream in _by_group(pools, rng):
        strata = pools[members[0]].strata
        for start, stop in _blocks(permutations, len(strata.index)):
            order = strata.permutations(stop - start, stream)
            for p in members:
                pool = pools[p]
                # whole-numbered ranks: the product is exact, and only then divided by its scale
                norms = np.outer(norm(pool.x), norm(pool.y))
                for t, row in enumerate(pool.y):
                    defined = np.flatnonzero(norms[:, t] > 0)
                    if not len(defined):
                        continue
                    rho = np.abs(row[order] @ pool.x[defined].T)
                    rho /= norms[defined, t]
                    at_least[p][defined, t] += (rho >= observed[p][defined, t] - SLACK).sum(axis=0)
                    counts = _counts(rho)
                    for name, chosen in families.items():
                        own = chosen[p][defined, t]
                        if own.any():
                            part = rho if own.all() else rho[:, own]
                            maxima[name][start:stop, p, t] = part.max(axis=1)
                            histogram[name] += counts[own].sum(axis=0)
    return {name: Null(maxima[name], at_least, histogram[name]) for name in families}


def _counts(rho: Floats) -> NDArray[np.int64]:
    """How many |rho| of each column of [permutation, column] fall into each bin: int [column, bin]."""
    columns = rho.shape[1]
    bins = np.minimum((rho * BINS + SLACK).astype(np.int64), BINS - 1) + BINS * np.arange(columns)
    return np.bincount(bins.ravel(), minlength=BINS * columns).reshape(columns, BINS)


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


def bootstrap_rho(pools: Sequence[Resampled], samples: int, rng: np.random.Generator) -> list[Floats]:
    """Rho in bootstrap samples of the candidates, ranked anew in each: for each pool [sample, column, outcome].

    NaN where a sample leaves a score or outcome constant, or constant within every stratum.
    """
    out = [np.empty((samples, len(pool.x), len(pool.y))) for pool in pools]
    for members, stream in _by_group(pools, rng):
        n = len(pools[members[0]].strata.index)
        for start, stop in _blocks(samples, n):
            drawn = stream.integers(n, size=(stop - start, n)) + n * np.arange(stop - start)[:, None]
            weights = np.bincount(drawn.ravel(), minlength=n * (stop - start)).reshape(-1, n)
            for p in members:
                pool = pools[p]
                out[p][start:stop] = weighted_rho(pool.x, pool.y, weights, pool.strata)
    return out


def weighted_rho(x: Floats, y: Floats, weights: NDArray[np.integer], strata: Strata) -> Floats:
    """Rho [sample, column, outcome] between `x` [column, n] and `y` [outcome, n], candidates repeated `weights` times.

    `weights` int [sample, n] with the sum n in each sample. In one stratum all sums are of whole numbers, so exact.
    """
    sample = _Sample(weights, strata)
    found = np.full((len(weights), len(x), len(y)), np.nan)
    outcomes = [sample.times(row) for row in y]
    for c in np.flatnonzero(x.any(axis=1)):
        ranks, square = sample.rank(x[c])
        for t, (outcome, other) in enumerate(outcomes):
            with np.errstate(invalid="ignore", divide="ignore"):
                found[:, c, t] = np.einsum("ns,ns->s", ranks, outcome) / np.sqrt(square * other)
    return found


class _Sample:
    """Bootstrap samples as `weights` int [sample, n], in which rows are ranked anew within `strata`.

    A row is sorted once for all samples: a doubled mid-rank is the weight below a value plus the weight up to it. These
    are small, so four samples or two stand side by side in a word of 64 bits, and are moved and added as one.
    """

    def __init__(self, weights: NDArray[np.integer], strata: Strata) -> None:
        samples, n = weights.shape
        self.small = np.int16 if 2 * n <= np.iinfo(np.int16).max else np.int32
        lanes = 8 // np.dtype(self.small).itemsize
        padded = np.zeros((n, -(-samples // lanes) * lanes), dtype=self.small)
        padded[:, :samples] = weights.T
        self.words = padded.view(np.int64)
        self.upto = np.zeros((n + 1, self.words.shape[1]), dtype=np.int64)
        self.weights = padded[:, :samples]
        self.strata, self.grouped = strata, np.concatenate(strata.members)
        self.index = strata.index[self.grouped]
        size = _of_strata(self.weights[self.grouped], self.index)
        self.size = size.astype(np.float64)  # of each stratum: [stratum, sample]
        self.scale = np.ones_like(self.size) if strata.single else self.size + 1
        self.middle = (2 * np.cumsum(size, axis=0) - size).astype(self.small)[strata.index]  # twice that of its ranks
        self.distinct = self._square(self.weights[self.grouped], self.index)
        self.centred = np.empty((n, samples))  # filled again for each row: new memory takes longer than what is in it

    def rank(self, row: Floats) -> tuple[Floats, Floats]:
        """Centred doubled mid-ranks [n, sample] of `row` [n], to be divided by `scale`, and the weighted sum of the
        squares [sample] of what that gives. The next call overwrites the ranks.
        """
        order = self.grouped[np.lexsort((row[self.grouped], self.index))]
        value = row[order]
        starts = np.flatnonzero(np.append(True, (np.diff(value) != 0) | (np.diff(self.index) != 0)))
        ends = np.append(starts[1:], len(row))
        run = np.empty(len(row), dtype=np.int64)  # the number of each candidate's run of equal values
        run[order] = np.repeat(np.arange(len(starts)), ends - starts)
        np.cumsum(self.words[order], axis=0, out=self.upto[1:])
        below, upto = self.upto[starts], self.upto[ends]
        np.subtract(self._apart((below + upto)[run]), self.middle, out=self.centred)
        tied = len(starts) < len(row)
        return self.centred, self._square(self._apart(upto - below), self.index[starts]) if tied else self.distinct

    def times(self, row: Floats) -> tuple[Floats, Floats]:
        """What centred ranks are to be multiplied with [n, sample], for the sum over candidates of their product with
        the ranks of `row`; and the sum of squares as of `rank`.
        """
        ranks, square = self.rank(row)
        return ranks * self.weights / self.scale[self.strata.index] ** 2, square

    def _square(self, runs: NDArray[np.integer], index: NDArray[np.int64]) -> Floats:
        """The weighted sum of squared ranks [sample] of `runs` of equal values with these weights [run, sample]."""
        weight = runs.astype(np.float64)
        cubes = _of_strata(weight * weight * weight, index)
        square: Floats = ((self.size**3 - cubes) / (3 * self.scale**2)).sum(axis=0)
        return square

    def _apart(self, words: NDArray[np.int64]) -> NDArray[np.integer]:
        """The numbers of each sample that stand in `words` [row, word]: [row, sample]."""
        numbers: NDArray[np.integer] = words.view(self.small)
        return numbers[:, : self.weights.shape[1]]


def _of_strata(rows: NDArray[Any], index: NDArray[np.int64]) -> NDArray[Any]:
    """The sum over each stratum of `rows` [row, sample], where `index` [row] rises: [stratum, sample]."""
    sums: NDArray[Any] = np.add.reduceat(rows, np.flatnonzero(np.diff(index, prepend=-1)), axis=0)
    return sums


@dataclass(frozen=True)
class Errors:
    """Standard errors on Fisher's z, for each pool [column, outcome], and how many of them a simultaneous limit is."""

    standard_errors: list[Floats]
    critical: float


def bootstrap_errors(
    rho: Sequence[Floats],
    replicates: Sequence[Floats],
    families: Mapping[str, Sequence[Chosen]],
    n: Sequence[int],
    alpha: float,
) -> dict[str, Errors]:
    """Standard errors from bootstrap `replicates` of `rho` (for each pool [column, outcome]), and for each of
    `families` the 1 - alpha quantile of the largest |z* - z| / se over it: the sup-t band (Montiel Olea and
    Plagborg-Moller 2019). NaN in a pool whose `n` is below `FEWEST`.
    """
    errors: list[Floats] = []
    largest = {name: np.zeros(len(replicates[0])) for name in families}
    for p, (observed, drawn) in enumerate(zip(rho, replicates, strict=True)):
        z, center = to_z(drawn), to_z(observed)
        with np.errstate(invalid="ignore"):
            defined = np.isfinite(observed) & (np.isfinite(drawn).sum(axis=0) > 1) & (n[p] >= FEWEST)
            error = np.full(observed.shape, np.nan)
            error[defined] = np.nanstd(z[:, defined], axis=0, ddof=1)
            t = np.divide(np.abs(z - center), error, out=np.zeros_like(z), where=error > 0)
        np.nan_to_num(t, copy=False)
        for name, chosen in families.items():
            largest[name] = np.maximum(largest[name], t[:, chosen[p]].max(axis=1, initial=0))
        errors.append(error)
    return {name: _errors(errors, found, families[name], alpha) for name, found in largest.items()}


def fisher_errors(
    errors: Sequence[Floats], null: Null, chosen: Sequence[Chosen], n: Sequence[int], alpha: float
) -> Errors:
    """`errors` of `formula_error`, and the 1 - alpha quantile of the largest |z| sqrt(n - 3) over the family's pools
    of at least `FEWEST` under the null.
    """
    size = np.array(n)
    scaled = to_z(null.maxima) * np.sqrt(np.where(size < FEWEST, 0, size - 3))[:, None]
    return _errors(list(errors), scaled.max(axis=(1, 2)), chosen, alpha)


def _errors(errors: list[Floats], largest: Floats, chosen: Sequence[Chosen], alpha: float) -> Errors:
    """With the quantile of `largest` [sample], or where no cell has an interval, what it would be at most."""
    critical = float(np.quantile(largest, 1 - alpha, method="higher"))
    cells = int(sum(map(np.count_nonzero, chosen)))
    return Errors(errors, critical or independent(max(cells, 1), alpha))


def formula_error(rho: Floats, n: int) -> Floats:
    """The standard error by formula; NaN for fewer than `FEWEST`."""
    return standard_error(rho, n) if n >= FEWEST else np.full(rho.shape, np.nan)


def limits(rho: Floats, error: Floats, critical: float) -> tuple[Floats, Floats]:
    """Rho's limits at `critical` standard errors on Fisher's z; arrays of one shape."""
    z = to_z(rho)
    return np.tanh(z - critical * error), np.tanh(z + critical * error)


def lower_limit(rho: Floats, error: Floats, critical: float, chance: float = 0.0) -> Floats:
    """The lower limit of |rho|, at least 0; 0 as well where |rho| is no more than `chance` makes of `Null.reached`."""
    limit = np.maximum(0, np.tanh(np.abs(to_z(rho)) - critical * error))
    return np.where(np.abs(rho) <= chance, np.minimum(limit, 0), limit)


def _by_group(pools: Sequence[Resampled], rng: np.random.Generator) -> Iterator[tuple[list[int], np.random.Generator]]:
    """The indices of each group's pools with a generator of their own, so that blocks change no draw."""
    names = list(dict.fromkeys(pool.group for pool in pools))
    for name, stream in zip(names, rng.spawn(len(names)), strict=True):
        members = [i for i, pool in enumerate(pools) if pool.group == name]
        first = pools[members[0]]
        if any(not np.array_equal(pools[i].strata.index, first.strata.index) for i in members):
            raise ValueError(f"pools of group {name} have different candidates or strata")
        yield members, stream


def _blocks(total: int, n: int) -> Iterator[tuple[int, int]]:
    size = max(1, BLOCK // n)
    for start in range(0, total, size):
        yield start, min(start + size, total)
