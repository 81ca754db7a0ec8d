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
from benchmark.analysis.evaluation import Evaluation, blind, evaluate
from benchmark.analysis.parameters import ClaimParameters, Verdict, fingerprint
from benchmark.analysis.tables import all_tables
from benchmark.artefacts.cells import KEY
from benchmark.artefacts.planted import read_planted
from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_text
from benchmark.storage import write_json, write_table

DECIMALS = 6
SENTENCES: dict[Verdict, str] = {
    "reproduced": "No score tells a good example: the strongest correlation found is {max:.2f}, the claim allows "
    "{bound}, and a correlation of {rho} would have been seen.",
    "refuted": "A score does tell a good example: one correlates at {signed:.2f}, and neither chance nor the number of "
    "scores tried explains how far that is beyond the {bound} that the claim allows; it is {cell}.",
    "exceeded": "The strongest correlation found, {max:.2f}, is above the {bound} that the claim allows, but not by "
    "more than chance explains.",
    "inconclusive": "These data cannot tell: a correlation of {rho}, well above the {bound} that the claim allows, "
    "could have gone unseen ({why}).",
}


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
        raise BenchmarkError(f"{path} is no claim of this version: run the claim stage again")
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
        verdict: Verdict = self.summary["verdict"]
        return verdict


def claim(inputs: ClaimInputs) -> Claim:
    """Computes the claim, writes `results/claim.json` and the tables, and returns it.

    Writes nothing but what passed all checks; whatever the verdict, only `gate` fails on it.
    """
    computed = compute(inputs)
    for name, table in computed.tables.items():
        write_table(inputs.results / name, table, DECIMALS)
    write_json(inputs.results / "claim.json", computed.summary)
    return computed


def compute(inputs: ClaimInputs) -> Claim:
    """As `claim`, but writes nothing. Raises `BenchmarkError` where correlations.csv is not what the cells give."""
    parameters, context, pairs = inputs.parameters, inputs.context, inputs.pairs
    mark = fingerprint(parameters.family, context)
    every = read_all_cells(inputs.cells, pairs, parameters.family, {f"{m}-{d}": mark for m, d in pairs})
    models = [model for model, _ in pairs]
    massive = massive_controls(read_planted(inputs.planted), models, parameters.controls) if inputs.planted else []
    evaluation = evaluate(every, parameters, massive)
    tables = all_tables(evaluation)
    compare_correlations(inputs.correlations, tables["family.csv"])
    summary = summarise(evaluation, tables)
    digests = {f"cells/{c.name}.npz": c.digest() for c in every}
    digests |= {path.name: sha256_text(path) for path in (inputs.correlations, inputs.planted) if path}
    made = {"fingerprint": inputs.fingerprint, "cells_fingerprint": mark, "digests": digests}
    return Claim(summary | made, tables)


def summarise(evaluation: Evaluation, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """The keys of claim.json that follow from the evaluation; floats rounded, NaN as null."""
    p = evaluation.parameters
    cells = tables["family.csv"]
    strongest = cells.loc[cells["rho"].abs().idxmax()]
    undefined = Counter(reason for reason in cells["undefined"] if reason)
    summary = {
        "verdict": evaluation.verdict,
        "sentence": sentence(evaluation, strongest),
        "by_outcome": {name: by_outcome(evaluation, t) for t, name in enumerate(p.family.outcomes)},
        "bound": p.bound,
        "alpha": p.alpha,
        "family": p.family.model_dump(mode="json"),
        "max_abs_rho": evaluation.max_abs_rho,
        "cell": {name: strongest[name] for name in (*KEY, "n", "rho")},
        "n_cells": len(cells),
        "n_undefined": undefined.total(),
        "undefined": dict(sorted(undefined.items())),
        "null_quantile_95": evaluation.null_quantile(),
        "p_family": strongest["p_family"],
        "intervals": {
            "method": p.intervals,
            "level": 1 - p.alpha,
            "critical_value": evaluation.errors.critical,
            "largest_lower_limit": evaluation.largest_lower_limit,
            "n_above_bound": int((cells["lower_limit"] > p.bound).sum()),
            "strongest": {
                "ci": [strongest["ci_low"], strongest["ci_high"]],
                "simultaneous": [strongest["simultaneous_low"], strongest["simultaneous_high"]],
            },
        },
        "statements": statements(evaluation, strongest),
        "equivalence": {
            "n_equivalent": int(tables["equivalence.csv"]["equivalent"].sum()),
            "all_equivalent": bool((tables["equivalence.csv"]["equivalent"].dropna() == 1).all()),
            "mean_power": tables["equivalence.csv"]["power"].mean(),
        },
        "reliability": nested_reliability(evaluation),
        "sensitivity": {
            "rho": p.sensitivity_rho,
            "power": p.power,
            "sensitive": evaluation.sensitive,
            "insensitive": [
                {
                    "model": s.pool.model,
                    "dataset": s.pool.dataset,
                    "outcome": s.outcome,
                    "power": s.power,
                    "reason": s.reason,
                }
                for s in evaluation.sensitivity
                if not s.sensitive
            ],
        },
        "controls": controls(evaluation),
        "seed": p.seed,
        "permutations": p.permutations,
        "bootstrap": p.bootstrap,
        "splits": p.splits,
    }
    plain: dict[str, Any] = rounded(summary)
    return plain


def by_outcome(evaluation: Evaluation, t: int) -> dict[str, Any]:
    """The same verdict on one outcome's cells alone."""
    name = evaluation.parameters.family.outcomes[t]
    maxima = evaluation.null.maxima[:, :, t].max(axis=1)
    largest = evaluation.max_of_outcome(t)
    reached = int((maxima >= largest - 1e-9).sum())
    return {
        "verdict": evaluation.decide_outcome(t),
        "max_abs_rho": largest,
        "null_quantile_95": evaluation.null_quantile(t),
        "p_family": (1 + reached) / (1 + len(maxima)),
        "insensitive": sum(not s.sensitive for s in evaluation.sensitivity if s.outcome == name),
    }


def describe(cell: Mapping[str, Any]) -> str:
    """A cell in words: `kurtosis under causal of llama on boolq (layer mean, with quality)`."""
    layer = "mean over layers" if cell["layer"] == "mean" else f"layer {cell['layer']}"
    return (
        f"{cell['statistic']} under {cell['mask']} of {cell['model']} on {cell['dataset']} ({layer}, {cell['outcome']})"
    )


def why_insensitive(evaluation: Evaluation) -> str:
    """The first reason for which statement 4 fails, and how many more there are."""
    reasons = [
        f"{s.pool.model} on {s.pool.dataset}, {s.outcome}: {s.reason}" for s in evaluation.sensitivity if s.reason
    ]
    reasons += [
        f"control {c.control} {'failed' if c.passed is False else 'cannot run'} for {c.model} {c.dataset}".strip()
        for c in evaluation.controls
        if blind(c)
    ]
    more = f"; and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return reasons[0] + more if reasons else ""


def sentence(evaluation: Evaluation, strongest: Mapping[str, Any]) -> str:
    """The verdict in one sentence that anyone understands."""
    p = evaluation.parameters
    return SENTENCES[evaluation.verdict].format(
        max=evaluation.max_abs_rho,
        signed=strongest["rho"],
        bound=p.bound,
        rho=p.sensitivity_rho,
        cell=describe(strongest),
        why=why_insensitive(evaluation),
    )


def statements(evaluation: Evaluation, strongest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The four statements, kept apart."""
    p = evaluation.parameters
    quantile, limit = evaluation.null_quantile(), evaluation.largest_lower_limit
    level = f"{100 * (1 - p.alpha):g} %"
    return {
        "reproduction": {
            "holds": evaluation.max_abs_rho <= p.bound,
            "text": f"the largest |rho| is {evaluation.max_abs_rho:.3f}, the bound {p.bound}: {describe(strongest)}",
        },
        "chance": {
            "holds": bool(strongest["p_family"] > p.alpha),
            "text": f"in {level} of {p.permutations} permutations the largest |rho| is at most {quantile:.3f} "
            f"(p = {strongest['p_family']:.4f})",
        },
        "intervals": {
            "holds": limit <= p.bound,
            "text": f"the largest simultaneous {level} lower limit of |rho| is {limit:.3f}",
        },
        "sensitivity": {
            "holds": evaluation.sensitive,
            "text": why_insensitive(evaluation)
            or f"every pool would have shown a true rho of {p.sensitivity_rho} with probability {p.power:g} or more",
        },
    }


def nested_reliability(evaluation: Evaluation) -> dict[str, dict[str, dict[str, float]]]:
    """{model: {dataset: {outcome: reliability}}}"""
    nested: dict[str, dict[str, dict[str, float]]] = {}
    for s in evaluation.sensitivity:
        nested.setdefault(s.pool.model, {}).setdefault(s.pool.dataset, {})[s.outcome] = s.reliability.value
    return nested


def controls(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """{control: whether all that ran passed, how many ran, of how many}; `passed` is null where none ran."""
    summary = {}
    for name in ("planted", "shuffled", "identity", "massive_dimension"):
        outcomes = [c.passed for c in evaluation.controls if c.control == name]
        ran = [outcome for outcome in outcomes if outcome is not None]
        summary[name] = {"passed": all(ran) if ran else None, "ran": len(ran), "of": len(outcomes)}
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
