"""The one ranking: scores and outcomes of a pool, ranked within strata, and the rho between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.analysis.spearman import MINIMUM_N, Floats, correlate_ranks
from benchmark.analysis.strata import Strata, everybody


@dataclass(frozen=True)
class Ranking:
    """Centred ranks `x` [column, n] and `y` [outcome, n] within `strata`, and their `rho` [column, outcome].

    What is undefined has ranks of 0, a rho of NaN and its reason in `score_reasons` or `outcome_reasons`.
    """

    strata: Strata
    x: Floats
    y: Floats
    score_reasons: list[str]
    outcome_reasons: list[str]
    rho: Floats

    @property
    def n(self) -> int:
        """What the standard error counts: `Strata.n`."""
        return self.strata.n


def rank(
    scores: NDArray[np.floating], outcomes: NDArray[np.floating], strata: Strata | None = None, problem: str = ""
) -> Ranking:
    """Ranks `scores` [column, n] and `outcomes` [outcome, n]; a `problem` with the strata leaves all undefined."""
    strata = strata or everybody(scores.shape[1])
    x, score_reasons = _rank(scores, strata, problem)
    y, outcome_reasons = _rank(outcomes, strata, problem)
    return Ranking(strata, x, y, score_reasons, outcome_reasons, correlate_ranks(x, y))


def why(score: str, outcome: str) -> str:
    """The reason for which a cell has no rho, from those of its score and its outcome."""
    if score and score == outcome and not score.startswith(("constant", "not finite")):
        return score  # of the pool
    return f"score {score}" if score else f"outcome {outcome}" if outcome else ""


def spearman(x: NDArray[np.floating], y: NDArray[np.floating]) -> Floats:
    """Rho [column, outcome] between `x` [column, n] and `y` [outcome, n]; NaN where undefined."""
    return rank(x, y).rho


def _rank(rows: NDArray[np.floating], strata: Strata, problem: str) -> tuple[Floats, list[str]]:
    ranks = strata.rank(np.where(np.isfinite(rows), rows, 0))
    if not problem and strata.n < MINIMUM_N:
        problem = f"fewer than {MINIMUM_N} observations"
    finite = np.isfinite(rows).all(axis=1)
    constant = (rows == rows[:, :1]).all(axis=1)
    left = (ranks != 0).any(axis=1)
    reasons = [
        problem or ("not finite" if not f else "constant" if c else "" if some else "constant within every target")
        for f, c, some in zip(finite, constant, left, strict=True)
    ]
    ranks[[bool(reason) for reason in reasons]] = 0
    return ranks, reasons
