"""Do scores of features say more than how long an example is? Longer texts have more features at work.

Ranks of score and outcome are freed of what the ranks of the numbers of tokens explain, and what is left is correlated,
permuted jointly over the cells that share a pool, and given limits that hold for the whole family at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from benchmark.analysis.confounds import basis, lengths, residuals
from benchmark.analysis.evaluation import Evaluation
from benchmark.analysis.parameters import AS_STATED
from benchmark.analysis.resampling import Resampled, fisher_errors, formula_error, limits, lower_limit, permutation_null
from benchmark.analysis.spearman import correlate_ranks
from benchmark.artefacts.cells import KEY
from benchmark.artefacts.features import of_features
from benchmark.seeds import generator

COLUMNS = (
    "family",
    *KEY,
    "n",
    "rho",
    "rho_given_length",
    "simultaneous_low",
    "simultaneous_high",
    "lower_limit",
    "p_family",
    "null_quantile_95",
)


def given_length(evaluations: Iterable[Evaluation]) -> pd.DataFrame:
    """A row a cell of each family that has scores of features, as stated, in the columns of `COLUMNS`.

    `rho_given_length`: Pearson's, of the residuals of the ranks; its null permutes those of the outcome (Freedman and
    Lane 1983), `p_family` is against the family's maximum, and the limits are Fisher's at the critical value that this
    null gives, with a candidate less for each covariate. Empty where nothing is left.
    """
    frames = [
        _of(evaluation)
        for evaluation in evaluations
        if evaluation.claim == AS_STATED and any(map(of_features, evaluation.family.columns))
    ]
    return pd.concat([pd.DataFrame(columns=list(COLUMNS)), *frames], ignore_index=True)


def _of(evaluation: Evaluation) -> pd.DataFrame:
    parameters, units, rows, sizes = evaluation.parameters, [], [], []
    for pool in evaluation.pools:
        span = basis(lengths(pool.cells))
        x, y = residuals(pool.ranking.x, span), residuals(pool.ranking.y, span)
        units.append(Resampled(pool.cells.dataset, pool.ranking.strata, x, y))
        sizes.append(pool.n - (len(span) - 1))
    found = [correlate_ranks(unit.x, unit.y) for unit in units]
    families = {evaluation.name: evaluation.chosen}
    rng = generator(parameters.seed, "given length", "permutations")
    null = permutation_null(units, families, parameters.permutations, rng)[evaluation.name]
    errors = fisher_errors(
        [formula_error(rho, n) for rho, n in zip(found, sizes, strict=True)],
        null,
        evaluation.chosen,
        sizes,
        parameters.alpha,
    )
    quantile = float(np.quantile(null.maxima.max(axis=(1, 2)), 1 - parameters.alpha, method="higher"))
    reached = null.reached(sizes, parameters.alpha)
    for pool, chosen, rho, error, chance in zip(
        evaluation.pools, evaluation.chosen, found, errors.standard_errors, reached, strict=True
    ):
        low, high = limits(rho, error, errors.critical)
        lower, p = lower_limit(rho, error, errors.critical, chance), null.p_values(np.abs(rho))
        for t, outcome in enumerate(pool.outcomes):
            for c, column in enumerate(pool.cells.columns):
                if chosen[c, t]:
                    names = column._asdict() | {"outcome": outcome, "shots": 1}
                    names |= {"family": evaluation.name, "model": pool.cells.model, "dataset": pool.cells.dataset}
                    values = (pool.n, pool.rho[c, t], rho[c, t], low[c, t], high[c, t], lower[c, t], p[c, t], quantile)
                    rows.append(names | dict(zip(COLUMNS[1 + len(KEY) :], values, strict=True)))
    return pd.DataFrame(rows, columns=list(COLUMNS))
