"""`results/claim.json`: the verdict, why, and what it was computed from; and the tables beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.analysis.cells import read_all_cells
from benchmark.analysis.controls import massive_controls
from benchmark.analysis.correlation import compare_correlations
from benchmark.analysis.evaluation import Evaluation, evaluate
from benchmark.analysis.parameters import AS_STATED, CLAIMS, GIVEN_TARGET, ClaimParameters, Verdict, fingerprint
from benchmark.analysis.resampling import SLACK
from benchmark.analysis.tables import all_tables
from benchmark.analysis.words import both_sentences, sentence, statements
from benchmark.artefacts.cells import KEY
from benchmark.artefacts.planted import read_planted
from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_text
from benchmark.storage import write_json, write_table

DECIMALS = 6
OF_A_CELL = (*KEY, "n", "n_distinct", "target_alone", "rho")


@dataclass(frozen=True)
class ClaimInputs:
    """What a claim is computed from, and checked against.

    `pairs` (model, dataset) have their `cells/M-D.npz`; `correlations` is correlations.csv, `results` the folder of
    claim.json and its tables; `context` as of `correlate`; `planted` the table of `controls.massive_controls`.
    """

    pairs: Sequence[tuple[str, str]]
    cells: Path
    correlations: Path
    results: Path
    parameters: ClaimParameters
    context: Mapping[str, Any]
    planted: Path | None = None

    @property
    def fingerprint(self) -> str:
        """Of all parameters that decide the claim; what the gate asks of it does not."""
        return fingerprint(self.parameters.model_dump(mode="json", exclude={"gate"}), self.context)


def check_current(claim: Any, inputs: ClaimInputs) -> None:
    """Raises `BenchmarkError` where `claim`, the content of claim.json, was made with other parameters."""
    path, found = inputs.results / "claim.json", claim.get("fingerprint") if isinstance(claim, dict) else None
    if found is None:
        raise BenchmarkError(f"{path} is not a claim of this version: run the claim stage again")
    if found != inputs.fingerprint:
        raise BenchmarkError(
            f"{path} was made with other parameters ({found}, now {inputs.fingerprint}): run the claim stage again"
        )


@dataclass(frozen=True)
class Claim:
    """What the claim stage writes: `summary` as claim.json, and `tables` {file name: table}."""

    summary: dict[str, Any]
    tables: dict[str, pd.DataFrame]

    @property
    def verdict(self) -> Verdict:
        """The headline's, as stated."""
        verdict: Verdict = self.summary["verdict"]
        return verdict

    def said(self) -> str:
        """The headline's two verdicts in words."""
        return f"{self.verdict} as stated and {self.summary['verdict_given_target']} given the target"

    def metrics(self) -> dict[str, dict[str, Any]]:
        """What `dvc metrics` shows and compares: {claim: a few figures} of the headline."""
        headline = self.summary["families"][self.summary["headline"]]
        return {
            claim: {name: headline[claim][name] for name in ("verdict", "max_abs_rho", "null_quantile_95", "p_family")}
            | {name: headline[claim]["intervals"][name] for name in ("largest_lower_limit", "n_above_bound")}
            for claim in CLAIMS
        }

    def verdicts(self) -> dict[str, dict[str, Verdict]]:
        """{family: {claim: verdict}}"""
        families = self.summary["families"]
        return {name: {claim: found[claim]["verdict"] for claim in CLAIMS} for name, found in families.items()}


def claim(inputs: ClaimInputs) -> Claim:
    """Computes the claim, writes `results/claim.json` and the tables, and returns it.

    Writes nothing but what passed all checks; whatever the verdict, only `gate` fails on it.
    """
    computed = compute(inputs)
    for name, table in computed.tables.items():
        write_table(inputs.results / name, table, DECIMALS)
    write_json(inputs.results / "metrics.json", computed.metrics())
    write_json(inputs.results / "claim.json", computed.summary)
    return computed


def compute(inputs: ClaimInputs) -> Claim:
    """As `claim`, but writes nothing. Raises `BenchmarkError` where correlations.csv is not what the cells give."""
    parameters, context, pairs = inputs.parameters, inputs.context, inputs.pairs
    mark = parameters.cells_fingerprint(context)
    every = read_all_cells(inputs.cells, pairs, parameters.families, {f"{m}-{d}": mark for m, d in pairs})
    models = [model for model, _ in pairs]
    massive = massive_controls(read_planted(inputs.planted), models, parameters.controls) if inputs.planted else []
    evaluations = evaluate(every, parameters, massive)
    tables = all_tables(evaluations)
    compare_correlations(inputs.correlations, tables["family.csv"])
    summary = summarise(evaluations, tables)
    digests = {f"cells/{c.name}.npz": c.digest() for c in every}
    digests |= {path.name: sha256_text(path) for path in (inputs.correlations, inputs.planted) if path}
    made = {"fingerprint": inputs.fingerprint, "cells_fingerprint": mark, "digests": digests}
    return Claim(summary | made, tables)


def summarise(evaluations: Mapping[tuple[str, str], Evaluation], tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """The keys of claim.json that follow from the evaluations; floats rounded, NaN as null.

    `families` {family: {claim: what was found}}; `verdict` and `sentence` are the headline's.
    """
    stated, given = (evaluations[next(iter(evaluations.values())).parameters.headline, claim] for claim in CLAIMS)
    p = stated.parameters
    found = {key: summarise_one(evaluation, tables) for key, evaluation in evaluations.items()}
    summary = {
        "verdict": stated.verdict,
        "verdict_given_target": given.verdict,
        "sentence": both_sentences(stated, given),
        "headline": p.headline,
        "bound": p.bound,
        "alpha": p.alpha,
        "intervals": p.intervals,
        "families": {
            name: {
                "declared": family.model_dump(mode="json"),
                "sentence": both_sentences(evaluations[name, AS_STATED], evaluations[name, GIVEN_TARGET]),
                **{claim: found[name, claim] for claim in CLAIMS},
            }
            for name, family in p.families.items()
        },
        "uncovered": given.uncovered,
        "target_alone": target_alone(tables["family.csv"], p.bound),
        "constant": constant(tables["family.csv"]),
        "sensitivity_rho": p.sensitivity_rho,
        "planted_rho": p.controls.planted_rho,
        "power": p.power,
        "seed": p.seed,
        "permutations": p.permutations,
        "bootstrap": p.bootstrap,
        "splits": p.splits,
    }
    plain: dict[str, Any] = rounded(summary)
    return plain


def of(tables: Mapping[str, pd.DataFrame], name: str, evaluation: Evaluation) -> pd.DataFrame:
    """The rows of a table that are of this family and claim."""
    table = tables[name]
    own = table["claim"] == evaluation.claim
    return table[own & (table["family"] == evaluation.name)] if "family" in table else table[own]


def summarise_one(evaluation: Evaluation, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """What was found about one family under one claim."""
    p = evaluation.parameters
    cells = of(tables, "family.csv", evaluation)
    tested = of(tables, "equivalence.csv", evaluation)
    tested = tested.merge(cells[list(KEY)], on=list(KEY))  # of all families' cells, its own
    undefined = Counter(reason for reason in cells["undefined"] if reason)
    cell = strongest(evaluation, cells)
    return {
        "verdict": evaluation.verdict,
        "sentence": sentence(evaluation),
        "by_outcome": {name: by_outcome(evaluation, name) for name in evaluation.family.outcomes},
        "max_abs_rho": evaluation.max_abs_rho(),
        "cell": None
        if cell is None
        else {name: cell[name] for name in (*KEY, "n", "n_distinct", "target_alone", "rho")},
        "n_cells": len(cells),
        "n_undefined": undefined.total(),
        "undefined": dict(sorted(undefined.items())),
        "null_quantile_95": evaluation.null_quantile(),
        "p_family": None if cell is None else cell["p_family"],
        "intervals": {
            "critical_value": evaluation.errors.critical,
            "largest_lower_limit": evaluation.largest_lower_limit(),
            "n_above_bound": int((cells["lower_limit"] > p.bound).sum()),
            "strongest": None if cell is None else {name: interval(cell, name) for name in ("ci", "simultaneous")},
        },
        "statements": statements(evaluation),
        "equivalence": {
            "n_equivalent": int(tested["equivalent"].sum()),
            "all_equivalent": bool((tested["equivalent"].dropna() == 1).all()),
            "mean_power": tested["power"].mean(),
        },
        "sensitive_pools": {
            outcome: sum(s.sensitive for s in evaluation.sensitivity if s.outcome == outcome)
            for outcome in evaluation.family.outcomes
        },
        "insensitive": [
            {
                "model": s.pool.model,
                "dataset": s.pool.dataset,
                "outcome": s.outcome,
                "n": s.n,
                "n_needed": s.n_needed,
                "limit": s.limit,
                "power": s.power,
                "reason": s.reason,
            }
            for s in evaluation.sensitivity
            if not s.sensitive
        ],
        "controls": controls(evaluation),
    }


def strongest(evaluation: Evaluation, cells: pd.DataFrame) -> Mapping[str, Any] | None:
    """The row of the largest |rho|; None where no cell is defined."""
    return cells.loc[cells["rho"].abs().idxmax()].to_dict() if evaluation.defined else None


def interval(cell: Mapping[str, Any], name: str) -> list[float] | None:
    """A cell's interval; None where there are too few candidates for one."""
    low, high = cell[f"{name}_low"], cell[f"{name}_high"]
    return None if np.isnan(low) else [low, high]


def by_outcome(evaluation: Evaluation, outcome: str) -> dict[str, Any]:
    """The same verdict on one outcome's cells alone."""
    maxima = evaluation.maxima(outcome)
    largest = evaluation.max_abs_rho(outcome)
    reached = int((maxima >= largest - SLACK).sum())
    return {
        "verdict": evaluation.decide(outcome),
        "max_abs_rho": largest,
        "null_quantile_95": evaluation.null_quantile(outcome),
        "p_family": (1 + reached) / (1 + len(maxima)),
        "insensitive": sum(not s.sensitive for s in evaluation.sensitivity if s.outcome == outcome),
    }


def target_alone(family: pd.DataFrame, bound: float) -> dict[str, int]:
    """How many cells of all families say which target and no more, and how many of those lie above the bound."""
    cells = family[(family["claim"] == AS_STATED) & (family["target_alone"] == 1)].drop_duplicates(list(KEY))
    return {"cells": len(cells), "above_bound": int((cells["rho"].abs() > bound).sum())}


def constant(family: pd.DataFrame) -> list[dict[str, Any]]:
    """Statistics that are the same for every candidate of a pool: {model, dataset, statistic, masks} for each."""
    cells = family[(family["claim"] == AS_STATED) & (family["n_distinct"] == 1)]
    groups = cells.groupby(["model", "dataset", "statistic"], sort=False)["mask"]
    return [
        {"model": model, "dataset": dataset, "statistic": statistic, "masks": sorted(set(masks))}
        for (model, dataset, statistic), masks in groups
    ]


def controls(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """{control: whether all that ran passed, how many ran, of how many; of planted ones, how many were shown to lie
    above the bound}; `passed` is null where none ran."""
    summary = {}
    for name in ("planted", "shuffled", "identity", "massive_dimension"):
        own = [c for c in evaluation.controls if c.control == name]
        ran = [c.passed for c in own if c.passed is not None]
        summary[name] = {"passed": all(ran) if ran else None, "ran": len(ran), "of": len(own)}
        if name == "planted":
            summary[name]["shown"] = sum(bool(c.shown) for c in own)
    return summary


def rounded(value: Any) -> Any:
    """Plain Python for JSON: floats at 6 decimals, NaN as null."""
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0 if np.isfinite(value) else None
    return value
