"""What an outcome is made of: how much of it is the target, how much the length, and is the rest more than noise?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.analysis.confounds import basis, lengths, levels, residuals
from benchmark.analysis.parameters import ClaimParameters
from benchmark.analysis.reliability import split_half
from benchmark.analysis.spearman import Floats
from benchmark.artefacts.cells import Cells
from benchmark.seeds import generator

COLUMNS = (
    "model",
    "dataset",
    "outcome",
    "n",
    "n_targets",
    "matching_of_matrix",
    "matching",
    "target",
    "length",
    "left",
    "reliability",
    "reliability_left",
    "note",
)


def decomposition(every: Sequence[Cells], parameters: ClaimParameters) -> pd.DataFrame:
    """A row a pool and outcome, in the columns of `COLUMNS`.

    `matching_of_matrix`: of the variance of the candidate-by-query matrix within queries, the share that goes with
    whether the candidate has the query's own target. Of the outcome's variance over candidates, which sums to 1:
    `matching`, what goes with how many queries have the candidate's target; `target`, what its target adds to that;
    `length`, what the numbers of tokens add; and what is `left` (adjusted for the number of columns, as an adjusted R²,
    so that a share can fall a little below 0). `reliability`: of the outcome; `reliability_left`: of
    what is left of it, both by split halves. Empty where undefined; the `note` says why.
    """
    rows = [_row(cells, outcome, parameters) for cells in every for outcome in parameters.outcomes]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(cells: Cells, outcome: str, parameters: ClaimParameters) -> dict[str, object]:
    matrix = cells.matrix(outcome).astype(np.float64)
    matched = (cells.target[:, None] == cells.query_target).astype(np.float64)
    notes = [cells.target_problem] if cells.target_problem else []
    if (matched == matched[:, :1]).all():
        notes.append("no query is matched better than another")
    value, matches = matrix.mean(axis=1), matched.mean(axis=1)
    parts = {"matching": matches[None], "target": levels(cells.target), "length": lengths(cells)}
    total = float(((value - value.mean()) ** 2).sum()) / (cells.n - 1)
    shares: dict[str, float] = dict.fromkeys(parts, float("nan"))
    rng = generator(parameters.seed, "decomposition", cells.name, outcome)
    left = matrix
    if total > 0:
        known, before = np.zeros((0, cells.n)), total
        for name, rows in parts.items():
            known = np.concatenate([known, rows])
            span = basis(known)
            after = float((residuals(value[None], span) ** 2).sum()) / max(cells.n - len(span), 1)
            shares[name], before = (before - after) / total, after
        shares["left"] = before / total
        left = residuals(matrix.T, basis(known)).T
    else:
        notes.append("the outcome is constant")
    return {
        "model": cells.model,
        "dataset": cells.dataset,
        "outcome": outcome,
        "n": cells.n,
        "n_targets": len(np.unique(cells.target)),
        "matching_of_matrix": _within_queries(matrix, matched),
        **shares,
        "reliability": split_half(matrix, parameters.splits, rng, query_target=cells.query_target).value,
        "reliability_left": split_half(left, parameters.splits, rng, query_target=cells.query_target).value,
        "note": "; ".join(notes),
    }


def _within_queries(matrix: Floats, matched: NDArray[np.float64]) -> float:
    """The share of the variance of `matrix` [candidate, query] around its queries' means that goes with `matched`."""
    a, b = (values - values.mean(axis=0) for values in (matrix, matched))
    squares = (a**2).sum() * (b**2).sum()
    return float((a * b).sum() ** 2 / squares) if squares > 0 else float("nan")
