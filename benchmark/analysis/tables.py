"""The tables beside the verdict, each a data frame whose columns docs/statistics.md tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from benchmark.analysis.confounds import CONFOUNDS, basis, covariates, explained, partial_spearman
from benchmark.analysis.consistency import agreement, consistency
from benchmark.analysis.controls import control_table
from benchmark.analysis.correlation import why
from benchmark.analysis.equivalence import detection_power, equivalence_p, equivalence_power, smallest_n
from benchmark.analysis.evaluation import Evaluation
from benchmark.analysis.resampling import BINS, histogram_counts, limits
from benchmark.analysis.spearman import Floats, fisher_interval
from benchmark.artefacts.cells import KEY

TRUE_BELOW = (0.0, 0.1, 0.2, 0.25, 0.3)
TRUE_ABOVE = (0.4, 0.45, 0.5, 0.6, 0.7)
RELIABILITIES = (1.0, 0.8, 0.6, 0.4)


def all_tables(evaluation: Evaluation) -> dict[str, pd.DataFrame]:
    """{file name: table} of everything in `results/` but the correlations."""
    cells = family(evaluation)
    return {
        "family.csv": cells,
        "equivalence.csv": equivalence(evaluation, cells),
        "power.csv": power(evaluation),
        "reliability.csv": reliability(evaluation),
        "confounds.csv": confounds(evaluation, cells),
        "confound_shares.csv": confound_shares(evaluation),
        "consistency.csv": consistency(cells, evaluation.parameters.alpha),
        "agreement.csv": agreement(cells),
        "controls.csv": control_table(evaluation.controls),
        "null.csv": null(evaluation),
    }


def keys(evaluation: Evaluation) -> pd.DataFrame:
    """The key, `n` and `undefined` of every declared cell: by pool, then outcome, then column."""
    rows = [
        (p.cells.model, p.cells.dataset, c.mask, c.statistic, c.pooling, c.site, c.layer, outcome, 1, p.cells.n, reason)
        for p in evaluation.pools
        for outcome, outcome_reason in zip(p.outcomes, p.outcome_reasons, strict=True)
        for c, reason in zip(p.cells.columns, (why(r, outcome_reason) for r in p.score_reasons), strict=True)
    ]
    return pd.DataFrame(rows, columns=[*KEY, "n", "undefined"])


def flat(per_pool: Sequence[NDArray[np.floating | np.integer]]) -> Floats:
    """Arrays [column, outcome], one a pool, in the order of `keys`."""
    return np.concatenate([values.T.ravel() for values in per_pool]).astype(np.float64)


def family(evaluation: Evaluation) -> pd.DataFrame:
    alpha = evaluation.parameters.alpha
    rho = flat([pool.rho for pool in evaluation.pools])
    error = flat(evaluation.errors.standard_errors)
    frame = keys(evaluation).assign(rho=rho)
    frame["ci_low"], frame["ci_high"] = limits(rho, error, float(special.ndtri(1 - alpha / 2)))
    frame["simultaneous_low"], frame["simultaneous_high"] = limits(rho, error, evaluation.errors.critical)
    frame["lower_limit"] = flat(evaluation.lower_limits)
    reached = flat(evaluation.null.at_least)
    frame["p_value"] = np.where(np.isnan(rho), np.nan, (1 + reached) / (1 + evaluation.parameters.permutations))
    frame["p_family"] = evaluation.null.p_values(np.abs(rho))
    ceilings = [s.reliability.ceiling for s in evaluation.sensitivity]
    counts = [len(pool.x) for pool in evaluation.pools for _ in pool.outcomes]
    frame["ceiling"] = np.repeat(ceilings, counts)
    ceiling = frame["ceiling"].where(frame["ceiling"] > 0)
    frame["disattenuated_rho"] = frame["rho"] / ceiling
    return frame[[c for c in frame.columns if c != "undefined"] + ["undefined"]]


def equivalence(evaluation: Evaluation, cells: pd.DataFrame) -> pd.DataFrame:
    p = evaluation.parameters
    frame = cells[[*KEY, "n", "rho"]].assign(bound=p.bound)
    frame["p_value"] = equivalence_p(frame["rho"], flat(evaluation.errors.standard_errors), p.bound)
    frame["equivalent"] = (frame["p_value"] < p.alpha).astype("Int64").where(frame["rho"].notna())
    frame["power"] = equivalence_power(0.0, frame["n"], p.bound, p.alpha)
    return frame.assign(undefined=cells["undefined"])


def power(evaluation: Evaluation) -> pd.DataFrame:
    """How many candidates it takes, for true rhos on either side of the bound."""
    p = evaluation.parameters

    def below(rho: float) -> Callable[[int], float]:
        return lambda n: float(equivalence_power(rho, n, p.bound, p.alpha))

    def above(rho: float) -> Callable[[int], float]:
        return lambda n: float(detection_power(rho, n, p.bound, evaluation.errors.critical))

    rows = []
    for question, true, make in (("below", TRUE_BELOW, below), ("above", TRUE_ABOVE, above)):
        for rho in true:
            for reliability in RELIABILITIES:
                expected = rho * reliability**0.5
                n = smallest_n(make(expected), p.power) if (expected < p.bound) == (question == "below") else None
                rows.append((question, rho, reliability, expected, n, p.power))
    names = ["question", "true_rho", "reliability", "expected_rho", "n_needed", "power"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.astype({"n_needed": "Int64"})


def reliability(evaluation: Evaluation) -> pd.DataFrame:
    rows = [
        {
            "model": s.pool.model,
            "dataset": s.pool.dataset,
            "outcome": s.outcome,
            "n": s.pool.n,
            "n_queries": s.pool.matrix(s.outcome).shape[1],
            "splits": evaluation.parameters.splits,
            "half_correlation": s.reliability.half,
            "half_sd": s.reliability.sd,
            "reliability": s.reliability.value,
            "reliability_low": s.reliability.low,
            "reliability_high": s.reliability.high,
            "ceiling": s.reliability.ceiling,
            "expected_rho": s.expected_rho,
            "power": s.power,
            "sensitive": int(s.sensitive),
            "undefined": s.reliability.undefined,
        }
        for s in evaluation.sensitivity
    ]
    return pd.DataFrame(rows)


def confounds(evaluation: Evaluation, cells: pd.DataFrame) -> pd.DataFrame:
    partial, sizes = [], []
    for pool in evaluation.pools:
        span = basis(covariates(pool.cells))
        partial.append(partial_spearman(pool.x, pool.y, span))
        sizes.append(np.full(pool.rho.shape, len(span) - 1))
    frame = cells[[*KEY, "n", "rho"]].assign(partial_rho=flat(partial), n_covariates=flat(sizes).astype(int))
    n = np.maximum(frame["n"] - frame["n_covariates"], 4)
    frame["partial_low"], frame["partial_high"] = fisher_interval(frame["partial_rho"], n, evaluation.parameters.alpha)
    explained_all = frame["rho"].notna() & frame["partial_rho"].isna()
    reason = cells["undefined"].where(~explained_all, "nothing left once the confounds are taken out")
    order = ["partial_rho", "partial_low", "partial_high", "n_covariates"]
    return frame[[*KEY, "n", "rho", *order]].assign(undefined=reason)


def confound_shares(evaluation: Evaluation) -> pd.DataFrame:
    rows = []
    for pool in evaluation.pools:
        for name, parts in (*((c, (c,)) for c in CONFOUNDS), ("all", CONFOUNDS)):
            shares = explained(pool.y, covariates(pool.cells, parts))
            for t, outcome in enumerate(pool.outcomes):
                values = (float(shares.r_squared[t]), float(shares.adjusted[t]))
                reason = f"outcome {pool.outcome_reasons[t]}" if pool.outcome_reasons[t] else ""
                rows.append((pool.cells.model, pool.cells.dataset, outcome, name, shares.covariates, *values, reason))
    names = ["n_covariates", "r_squared", "adjusted_r_squared", "undefined"]
    return pd.DataFrame(rows, columns=["model", "dataset", "outcome", "confound", *names])


def null(evaluation: Evaluation) -> pd.DataFrame:
    rho = flat([pool.rho for pool in evaluation.pools])
    return pd.DataFrame(
        {
            "low": np.arange(BINS) / BINS,
            "high": np.arange(1, BINS + 1) / BINS,
            "null_max": histogram_counts(evaluation.null.maxima.max(axis=(1, 2))),
            "null_cell": evaluation.null.histogram,
            "observed": histogram_counts(rho[~np.isnan(rho)]),
        }
    )
