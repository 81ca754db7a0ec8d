"""How far random halves of the queries agree about the candidates: noise in a outcome caps every |rho| with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.analysis.spearman import fisher_interval
from benchmark.analysis.strata import Strata, everybody


@dataclass(frozen=True)
class Reliability:
    """`half` is the mean Spearman correlation of two random halves, `sd` over splits; `value` that of all queries."""

    half: float
    sd: float
    value: float
    low: float
    high: float
    undefined: str = ""

    @property
    def ceiling(self) -> float:
        """The largest |rho| that a perfect score could show (Spearman 1904); NaN where undefined."""
        return float(np.sqrt(max(self.value, 0.0))) if not self.undefined else float("nan")


def spearman_brown(half: float) -> float:
    """Reliability of the whole from that of a half: 2 r / (1 + r) (Spearman 1910, Brown 1910)."""
    return 2 * half / (1 + half) if half > -1 else -1.0


def split_half(
    matrix: NDArray[np.floating],
    splits: int,
    rng: np.random.Generator,
    alpha: float = 0.05,
    strata: Strata | None = None,
    query_target: NDArray[np.integer] | None = None,
) -> Reliability:
    """Reliability of the row means of `matrix` [candidate, query], over `splits` random halves of the queries; within
    `strata`, if given: of what is left of them once each stratum has the same mean rank.

    `query_target` int [query] numbers what each query's answer is: both halves then hold as many queries of each
    answer, as near as can be. Queries are drawn so, and where a demonstration mostly helps queries of its own label,
    halves that differ in their labels would measure just that.

    The interval is Fisher's, over candidates. Undefined, with a reason, for one query or where half of the splits or
    more leave a half constant.
    """
    queries = matrix.shape[1]
    strata = strata or everybody(len(matrix))
    nothing = float("nan")
    if queries < 2:
        return Reliability(nothing, nothing, nothing, nothing, nothing, "fewer than 2 queries")
    order = rng.permuted(np.tile(np.arange(queries), (splits, 1)), axis=1)
    if query_target is None:
        parts = order[:, : queries // 2], order[:, queries // 2 :]
    else:
        order = _by_target(order, query_target, rng)
        parts = order[:, ::2], order[:, 1::2]
    halves = [strata.rank(_means(matrix, part)) for part in parts]
    squares = [np.einsum("sn,sn->s", half, half) for half in halves]
    defined = (squares[0] > 0) & (squares[1] > 0)
    if 2 * defined.sum() <= splits:
        return Reliability(nothing, nothing, nothing, nothing, nothing, "constant in a half of the queries")
    product = np.einsum("sn,sn->s", *halves)[defined]
    rho = product / np.sqrt(squares[0][defined] * squares[1][defined])
    half = float(rho.mean())
    low, high = fisher_interval(half, strata.n, alpha)
    return Reliability(
        half, float(rho.std(ddof=1)), spearman_brown(half), spearman_brown(float(low)), spearman_brown(float(high))
    )


def _by_target(
    order: NDArray[np.int64], query_target: NDArray[np.integer], rng: np.random.Generator
) -> NDArray[np.int64]:
    """`order` [split, query], each row sorted so that queries of one answer stand together, answers at random."""
    answers = np.unique(query_target, return_inverse=True)[1]
    place = rng.permuted(np.tile(np.arange(answers.max() + 1), (len(order), 1)), axis=1)
    keys = np.take_along_axis(place, answers[order], axis=1)
    return np.take_along_axis(order, np.argsort(keys, axis=1, kind="stable"), axis=1)


def _means(matrix: NDArray[np.floating], parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of each row over each part: `matrix` [n, query], `parts` [split, query of the part] -> [split, n]."""
    choose = np.zeros((matrix.shape[1], len(parts)))
    choose[parts.T, np.arange(len(parts))] = 1
    # whole numbers, as in query_mean: ties stay ties
    whole = np.rint(matrix.astype(np.float64) * 1e6)
    means: NDArray[np.float64] = (whole @ choose).T / parts.shape[1]
    return means
