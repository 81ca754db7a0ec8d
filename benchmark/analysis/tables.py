"""The tables beside the verdict, each a data frame whose columns docs/statistics.md lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from benchmark.analysis.confounds import CONFOUNDS, basis, covariates, explained, partial_spearman
from benchmark.analysis.consistency import agreement, consistency
from benchmark.analysis.controls import control_table
from benchmark.analysis.decomposition import decomposition
from benchmark.analysis.equivalence import detection_power, equivalence_p, equivalence_power, smallest_n
from benchmark.analysis.evaluation import Evaluation
from benchmark.analysis.length import given_length
from benchmark.analysis.parameters import AS_STATED, CLAIMS, GIVEN_TARGET
from benchmark.analysis.ranking import why
from benchmark.analysis.resampling import BINS, Chosen, histogram_counts, limits
from benchmark.analysis.spearman import MINIMUM_N, Floats, fisher_interval
from benchmark.artefacts.cells import KEY
from benchmark.artefacts.features import LAYER

TRUE_BELOW = (0.0, 0.1, 0.2, 0.25, 0.3)
TRUE_ABOVE = (0.4, 0.45, 0.5, 0.6, 0.7)
RELIABILITIES = (1.0, 0.8, 0.6, 0.4)


def all_tables(evaluations: Mapping[tuple[str, str], Evaluation]) -> dict[str, pd.DataFrame]:
    """{file name: table} of everything in `results/` but the correlations; `evaluations` as of `evaluate`.

    What a family has no say in stands once, for the cells of all families.
    """
    every = list(evaluations.values())
    parameters = every[0].parameters
    claims = [union(evaluations, claim) for claim in CLAIMS]
    stated, given = (cells(evaluation) for evaluation in claims)
    both = pd.concat([stated.assign(claim=AS_STATED), given.assign(claim=GIVEN_TARGET)], ignore_index=True)
    return {
        "family.csv": stacked(every, family),
        "equivalence.csv": in_front(("claim",), equivalence(claims, both)),
        "power.csv": stacked(every, power),
        "reliability.csv": stacked(every, reliability),
        "decomposition.csv": decomposition([pool.cells for pool in every[0].pools], parameters),
        "confounds.csv": confounds(claims[0], stated),
        "confound_shares.csv": confound_shares(claims[0]),
        "consistency.csv": by_claim(both, lambda part: consistency(part, parameters.alpha)),
        "agreement.csv": by_claim(both[both["layer"] != LAYER], agreement),
        "controls.csv": stacked(every, lambda evaluation: control_table(evaluation.controls)),
        "null.csv": stacked(every, null),
        "given_length.csv": given_length(every),
    }


def union(evaluations: Mapping[tuple[str, str], Evaluation], claim: str) -> Evaluation:
    """An evaluation under `claim`, with the cells of all families chosen: for what does not depend on a family."""
    of_claim = [evaluation for (_, own), evaluation in evaluations.items() if own == claim]
    chosen = [np.logical_or.reduce(parts) for parts in zip(*(e.chosen for e in of_claim), strict=True)]
    return replace(of_claim[0], chosen=chosen)


def in_front(names: Sequence[str], frame: pd.DataFrame) -> pd.DataFrame:
    """The columns `names` first."""
    return frame[[*names, *(column for column in frame.columns if column not in names)]]


def stacked(evaluations: Sequence[Evaluation], make: Callable[[Evaluation], pd.DataFrame]) -> pd.DataFrame:
    """What `make` gives of each evaluation, with its `family` and `claim` in front."""
    parts = [make(e).assign(family=e.name, claim=e.claim) for e in evaluations]
    return in_front(("family", "claim"), pd.concat(parts, ignore_index=True))


def by_claim(cells: pd.DataFrame, make: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """What `make` gives of the cells under each claim, with the `claim` in front."""
    parts = [make(cells[cells["claim"] == claim]).assign(claim=claim) for claim in CLAIMS]
    return in_front(("claim",), pd.concat(parts, ignore_index=True))


def cells(evaluation: Evaluation) -> pd.DataFrame:
    """Key, `n`, `n_distinct`, `target_alone`, `rho` and `undefined` of every chosen cell: by pool, outcome, column."""
    rows = []
    for pool, chosen in zip(evaluation.pools, evaluation.chosen, strict=True):
        for t, (outcome, outcome_reason) in enumerate(zip(pool.outcomes, pool.ranking.outcome_reasons, strict=True)):
            for c, column in enumerate(pool.cells.columns):
                if chosen[c, t]:
                    score = (column.mask, column.statistic, column.pooling, column.site, column.layer)
                    key = (pool.cells.model, pool.cells.dataset, *score, outcome, 1)
                    reason = why(pool.ranking.score_reasons[c], outcome_reason)
                    rows.append((*key, pool.n, pool.n_distinct[c], int(pool.target_alone[c]), pool.rho[c, t], reason))
    frame = pd.DataFrame(rows, columns=[*KEY, "n", "n_distinct", "target_alone", "rho", "undefined"])
    return frame.astype({"n": int, "n_distinct": int, "target_alone": int, "rho": float})  # of no cell, too


def flat(per_pool: Sequence[NDArray[Any]], chosen: Sequence[Chosen]) -> Floats:
    """The chosen of arrays [column, outcome], one a pool, in the order of `cells`."""
    return np.concatenate([v.T[own.T] for v, own in zip(per_pool, chosen, strict=True)]).astype(np.float64)


def family(evaluation: Evaluation) -> pd.DataFrame:
    alpha, chosen = evaluation.parameters.alpha, evaluation.chosen
    frame = cells(evaluation)
    rho = frame["rho"].to_numpy()
    error = flat(evaluation.errors.standard_errors, chosen)
    frame["ci_low"], frame["ci_high"] = limits(rho, error, float(special.ndtri(1 - alpha / 2)))
    frame["simultaneous_low"], frame["simultaneous_high"] = limits(rho, error, evaluation.errors.critical)
    frame["lower_limit"] = flat(evaluation.lower_limits, chosen)
    reached = flat(evaluation.null.at_least, chosen)
    frame["p_value"] = np.where(np.isnan(rho), np.nan, (1 + reached) / (1 + evaluation.parameters.permutations))
    frame["p_family"] = evaluation.null.p_values(np.abs(rho))
    ceilings = {(s.pool.model, s.pool.dataset, s.outcome): s.reliability.ceiling for s in evaluation.sensitivity}
    where = zip(frame["model"], frame["dataset"], frame["outcome"], strict=True)
    frame["ceiling"] = [ceilings.get(key, np.nan) for key in where]
    frame["disattenuated_rho"] = frame["rho"] / frame["ceiling"].where(frame["ceiling"] > 0)
    return frame[[c for c in frame.columns if c != "undefined"] + ["undefined"]]


def equivalence(claims: Sequence[Evaluation], both: pd.DataFrame) -> pd.DataFrame:
    p = claims[0].parameters
    frame = both[["claim", *KEY, "n", "n_distinct", "rho"]].assign(bound=p.bound)
    error = np.concatenate([flat(e.errors.standard_errors, e.chosen) for e in claims])
    frame["p_value"] = equivalence_p(frame["rho"], error, p.bound)
    frame["equivalent"] = (frame["p_value"] < p.alpha).astype("Int64").where(frame["rho"].notna())
    frame["power"] = equivalence_power(0.0, np.maximum(frame["n"], MINIMUM_N), p.bound, p.alpha)
    return frame.assign(undefined=both["undefined"])


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
            "n": s.n,
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
            "n_needed": s.n_needed,
            "limit": s.limit,
            "sensitive": int(s.sensitive),
            "reason": s.reason,
        }
        for s in evaluation.sensitivity
    ]
    frame = pd.DataFrame(rows)
    return frame.astype({"n_needed": "Int64"}) if rows else frame


def confounds(evaluation: Evaluation, stated: pd.DataFrame) -> pd.DataFrame:
    partial, sizes = [], []
    for pool in evaluation.pools:
        span = basis(covariates(pool.cells))
        partial.append(partial_spearman(pool.ranking.x, pool.ranking.y, span))
        sizes.append(np.full(pool.rho.shape, len(span) - 1))
    frame = stated[[*KEY, "n", "n_distinct", "target_alone", "rho"]].assign(
        partial_rho=flat(partial, evaluation.chosen), n_covariates=flat(sizes, evaluation.chosen).astype(int)
    )
    n = np.maximum(frame["n"] - frame["n_covariates"], MINIMUM_N)
    frame["partial_low"], frame["partial_high"] = fisher_interval(frame["partial_rho"], n, evaluation.parameters.alpha)
    explained_all = frame["rho"].notna() & frame["partial_rho"].isna()
    reason = stated["undefined"].where(~explained_all, "nothing left once the confounds are taken out")
    order = ["partial_rho", "partial_low", "partial_high", "n_covariates"]
    return frame[[*KEY, "n", "n_distinct", "target_alone", "rho", *order]].assign(undefined=reason)


def confound_shares(evaluation: Evaluation) -> pd.DataFrame:
    rows = []
    for pool in evaluation.pools:
        for name, parts in (*((c, (c,)) for c in CONFOUNDS), ("all", CONFOUNDS)):
            shares = explained(pool.ranking.y, covariates(pool.cells, parts))
            for t, outcome in enumerate(pool.outcomes):
                values = (float(shares.r_squared[t]), float(shares.adjusted[t]))
                constant = pool.ranking.outcome_reasons[t]
                reason = f"outcome {constant}" if constant else ""
                rows.append((pool.cells.model, pool.cells.dataset, outcome, name, shares.covariates, *values, reason))
    names = ["n_covariates", "r_squared", "adjusted_r_squared", "undefined"]
    return pd.DataFrame(rows, columns=["model", "dataset", "outcome", "confound", *names])


def null(evaluation: Evaluation) -> pd.DataFrame:
    rho = np.concatenate([part.ravel() for part in evaluation.rho])
    return pd.DataFrame(
        {
            "low": np.arange(BINS) / BINS,
            "high": np.arange(1, BINS + 1) / BINS,
            "null_max": histogram_counts(evaluation.maxima()),
            "null_cell": evaluation.null.histogram,
            "observed": histogram_counts(rho[~np.isnan(rho)]),
        }
    )
