"""A whole `results/` folder made up from a seed: every table, with undefined cells, marked cells and empty numbers."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmark.artefacts.cells import Cells
from benchmark.artefacts.column import Column
from benchmark.artefacts.dictionaries import write_dictionaries
from benchmark.artefacts.features import LAYER, POOLING
from benchmark.artefacts.learning import write_learning
from benchmark.report.grids import MASKS, STATISTICS
from benchmark.storage import write_json, write_table
from benchmark.timing.history import extend, read_history

BOUND = 0.33
HEADLINE = ("causal", "bidirectional")
CLAIMS = ("as_stated", "given_target")
HERE = {"family": "paper", "claim": "as_stated"}
RECORD = {
    "seeds": {"seed": 0, "claim.seed": 0},
    "models": {"tiny_llama": {"source": "embedded", "sha256": "ab" * 32}},
    "datasets": [{"name": "topic", "seed": 1}],
}
OUTCOMES = ("quality", "performance")
SELECTORS = [
    *((f"activation_{s}", d, m) for s in STATISTICS for d in ("highest", "lowest") for m in ("causal", "input")),
    *((s, d, "") for s in ("perplexity", "similarity_pool") for d in ("highest", "lowest")),
    ("k_centre", "", ""),
    ("oracle", "highest", ""),
    ("random", "", ""),
]


def write_results(
    folder: Path,
    models: tuple[str, ...] = ("tiny_llama", "tiny_qwen"),
    datasets: tuple[str, ...] = ("topic", "sentiment"),
    n: int = 60,
    layers: int = 3,
) -> None:
    """Writes every file the page can read; `massive_count` is undefined everywhere, one cell is far above the bound."""
    draw = np.random.default_rng(0)
    pools = list(product(models, datasets))
    cells = _cells(draw, pools, n, layers)
    family = cells[cells["layer"] == "mean"].reset_index(drop=True)
    write_table(folder / "correlations.csv", cells)
    half = 0.12 + 0.02 * draw.random(len(family))
    half[family["rho"].isna()] = np.nan
    family = family.assign(
        simultaneous_low=family["rho"] - half,
        simultaneous_high=family["rho"] + half,
        lower_limit=(family["rho"].abs() - half).clip(lower=0),
        p_family=np.where(family["rho"].abs() > 0.4, 0.0005, 0.4),
        ceiling=0.95,
        disattenuated_rho=family["rho"] / 0.95,
    )
    family["n_distinct"] = family["n"].where(family["rho"].notna(), 1)
    family["target_alone"] = (family["mask"] == "target_isolated").astype(int) * family["rho"].notna()
    given = family.assign(rho=(family["rho"] / 2).where(family["target_alone"] == 0))
    given.loc[given["target_alone"] == 1, "undefined"] = "score constant within every target"
    both = [frame.assign(claim=claim) for claim, frame in zip(CLAIMS, (family, given), strict=True)]
    narrow = [frame[frame["mask"].isin(HEADLINE)].assign(family="paper") for frame in both]
    outlook = [_of_features(frame) for frame in narrow]
    every = [*narrow, *(frame.assign(family="extended") for frame in both), *outlook]
    write_table(folder / "family.csv", pd.concat(every))
    write_table(folder / "given_length.csv", outlook[0].assign(rho_given_length=outlook[0]["rho"] / 2))
    write_dictionaries(folder / "sae.csv", features(models))
    strongest = narrow[0].loc[narrow[0]["rho"].abs().idxmax()]
    key = ["model", "dataset", "mask", "statistic", "pooling", "site", "layer", "outcome", "shots"]
    write_table(
        folder / "equivalence.csv",
        family[[*key, "n", "rho", "undefined"]].assign(
            claim="as_stated",
            bound=BOUND,
            p_value=0.03,
            equivalent=(family["rho"].abs() < 0.15).astype(int),
            power=0.92,
        ),
    )
    write_table(
        folder / "confounds.csv",
        family[[*key, "n", "rho", "undefined"]].assign(partial_rho=family["rho"] * 0.8, n_covariates=4),
    )
    below, above = product(("below",), (0.0, 0.1, 0.2, 0.3)), product(("above",), (0.4, 0.5, 0.6, 0.7))
    write_table(
        folder / "power.csv",
        pd.DataFrame(
            [
                {
                    **HERE,
                    "question": question,
                    "true_rho": true,
                    "reliability": reliability,
                    "expected_rho": true * reliability**0.5,
                    "n_needed": np.nan if (gap := abs(true * reliability**0.5 - BOUND)) < 0.03 else round(9 / gap**2),
                    "power": 0.9,
                }
                for (question, true), reliability in product((*below, *above), (1.0, 0.8, 0.6))
            ]
        ),
    )
    write_table(
        folder / "reliability.csv",
        pd.DataFrame(
            [
                {
                    **HERE,
                    "model": model,
                    "dataset": dataset,
                    "outcome": outcome,
                    "n": n,
                    "n_queries": 96,
                    "reliability": (r := 0.95 - 0.1 * draw.random() - (0.15 if outcome == "performance" else 0)),
                    "reliability_low": r - 0.06,
                    "reliability_high": min(r + 0.04, 1),
                    "ceiling": r**0.5,
                    "power": 0.97,
                    "sensitive": 1,
                    "reason": "",
                }
                for (model, dataset), outcome in product(pools, OUTCOMES)
            ]
        ),
    )
    write_table(
        folder / "confound_shares.csv",
        pd.DataFrame(
            [
                {"model": m, "dataset": d, "outcome": t, "confound": c, "adjusted_r_squared": 0.3 * draw.random()}
                for (m, d), t, c in product(pools, OUTCOMES, ("length", "target", "first_token", "all"))
            ]
        ),
    )  # fmt: skip
    grouped = family.groupby(["mask", "statistic", "pooling", "site", "layer", "outcome", "shots"], sort=False)["rho"]
    mean = grouped.mean().reset_index(name="mean_rho")
    write_table(
        folder / "consistency.csv",
        mean.assign(claim="as_stated", n_pools=len(pools), n_datasets=len(datasets), ci_low=mean["mean_rho"] - 0.1,
                    ci_high=mean["mean_rho"] + 0.1, sign_agreement=0.75, min_rho=-0.3, max_rho=0.4, undefined=""),
    )  # fmt: skip
    write_table(
        folder / "agreement.csv",
        pd.DataFrame([{"claim": "as_stated", "outcome": t, "model_a": models[0], "model_b": models[-1],
                       "n_cells": 96, "agreement": 0.21, "sign_agreement": 0.58} for t in OUTCOMES]),
    )  # fmt: skip
    write_table(
        folder / "decomposition.csv",
        pd.DataFrame(
            [
                {"model": m, "dataset": d, "outcome": t, "n": n, "n_targets": 2, "matching_of_matrix": 0.4,
                 "matching": 0.1, "target": 0.3, "length": 0.05, "left": 0.55,
                 "reliability": 0.9, "reliability_left": 0.8, "note": ""}
                for (m, d), t in product(pools, OUTCOMES)
            ]
        ),
    )  # fmt: skip
    write_table(folder / "controls.csv", _controls(pools, models))
    low = np.arange(100) / 100
    null = {
        **HERE,
        "low": low,
        "high": low + 0.01,
        "null_max": np.histogram(np.abs(draw.normal(0.27, 0.03, 1000)), 100, (0, 1))[0],
        "null_cell": np.histogram(np.abs(draw.normal(0, 0.09, 50000)), 100, (0, 1))[0],
        "observed": np.histogram(family["rho"].abs().dropna(), 100, (0, 1))[0],
    }
    write_table(folder / "null.csv", pd.DataFrame(null))
    write_table(
        folder / "calibration.csv",
        pd.DataFrame([{"scenario": "all_zero", "claim": "as_stated", "intervals": "fisher", "experiments": 500,
                       "n": 1000, "cells": 280, "true_rho": 0.0, "reliability": 0.9,
                       "reproduced": 0.99, "refuted": 0.0, "exceeded": 0.0,
                       "inconclusive": 0.01, "demanded": "reproduced >= .95", "met": 1}]),
    )  # fmt: skip
    write_table(folder / "selection.csv", _selection(draw, pools))
    write_learning(folder, *_learning(draw, pools))
    _write_cells(folder, draw, strongest, n)
    write_json(folder / "claim.json", _claim(family, strongest, pools))
    write_json(folder / "timing.json", timing(1.04))
    table = read_history(folder / "timing_history.csv")
    for machine, commits in {"a processor": ("1111111111", "2222222222+"), "another": ("1111111111",)}.items():
        for day, commit in enumerate(commits, start=1):
            table = extend(table, timing(1 + 0.02 * day, machine), commit, f"2026-01-0{day}")
    write_table(folder / "timing_history.csv", table)


def _of_features(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of a family of scores of features, half as strong as those of activations."""
    rows = frame[frame["statistic"].isin(STATISTICS[:2])].assign(family="outlook", layer=LAYER, target_alone=0)
    names = dict(zip(STATISTICS[:2], ("sae_loss", "sae_l0"), strict=True))
    low, high = rows["simultaneous_low"] / 2, rows["simultaneous_high"] / 2
    return rows.assign(
        statistic=rows["statistic"].map(names),
        pooling=POOLING,
        rho=rows["rho"] / 2,
        simultaneous_low=low,
        simultaneous_high=high,
        lower_limit=rows["lower_limit"] / 2,
    )


def features(models: tuple[str, ...]) -> pd.DataFrame:
    """A dictionary for each model."""
    row = {"site": "residual", "layer": 1, "hidden": 64, "width": 512, "tokens_asked": 500000, "tokens": 400000,
           "passes": 4, "held_out": 20000, "unexplained": 0.19, "l0": 59.8, "alive": 0.97, "cross_entropy": 3.1,
           "cross_entropy_patched": 3.2, "cross_entropy_zero": 9.0, "recovered": 0.983}  # fmt: skip
    return pd.DataFrame([{"model": model, **row} for model in models])


def timing(ours: float, cpu: str = "a processor") -> dict[str, Any]:
    """A timing.json whose every loop takes `ours` times its limit, and the naive ways 1.38 times."""

    def ratio(median: float) -> dict[str, float]:
        return {"median": median, "low": 0.98 * median, "high": 1.03 * median, "n": 30, "candidate_us": 41250,
                "baseline_us": 39600}  # fmt: skip

    return {
        "ratios": {
            "over_limit": {
                "extraction_one_mask": {"ours": ratio(ours), "stored_then_scipy": ratio(1.38)},
                "extraction_all_masks": {"ours": ratio(ours)},
                "scoring": {"ours": ratio(ours), "unshared": ratio(1.38)},
            },
            "over_naive": {
                "extraction_one_mask": {"stored_then_scipy": ratio(ours / 1.38)},
                "scoring": {"unshared": ratio(ours / 1.38)},
            },
        },
        "limits": {"extraction_one_mask": "a bare forward pass", "scoring": "the tokens that must be computed"},
        "machine": {"cpu": cpu, "cores": 2, "gpus": [], "device": "cpu", "threads": 1, "torch": "2.13.0"},
    }


def _cells(draw: np.random.Generator, pools: list[tuple[str, str]], n: int, layers: int) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for (model, dataset), outcome, mask, statistic in product(pools, OUTCOMES, MASKS, STATISTICS):
        base = draw.normal(0, 0.14)
        if (model, dataset, mask, statistic) == (*pools[-1], "causal", "kurtosis"):
            base = 0.7
        for layer in ("mean", *map(str, range(layers))):
            rho = float(np.clip(base + draw.normal(0, 0.08) * (layer != "mean"), -0.95, 0.95))
            undefined = "constant score" if statistic == "massive_count" else ""
            rows.append(
                {"model": model, "dataset": dataset, "mask": mask, "statistic": statistic, "pooling": "mean",
                 "site": "mlp_output", "layer": layer, "outcome": outcome, "shots": 1, "n": n,
                 "rho": np.nan if undefined else rho, "ci_low": np.nan if undefined else rho - 0.1,
                 "ci_high": np.nan if undefined else rho + 0.1, "p_value": 0.1, "undefined": undefined}
            )  # fmt: skip
    return pd.DataFrame(rows)


def _controls(pools: list[tuple[str, str]], models: tuple[str, ...]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for (model, dataset), outcome in product(pools, OUTCOMES):
        for control, expected, value in (("planted", 0.6, 0.58), ("shuffled", 0.0, 0.04), ("identity", 1.0, 1.0)):
            rows.append({**HERE, "control": control, "shown": 1, "model": model, "dataset": dataset, "outcome": outcome,
                         "expected": expected, "value": value, "passed": 1, "note": ""})  # fmt: skip
    blind = {
        **HERE,
        "shown": np.nan,
        "control": "massive_dimension",
        "expected": 2.0,
        "value": np.nan,
        "passed": np.nan,
    }
    rows += [{**blind, "model": model, "note": "no model was planted"} for model in models]
    return pd.DataFrame(rows)


def _selection(draw: np.random.Generator, pools: list[tuple[str, str]]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for (model, dataset), shots, (selector, direction, mask) in product(pools, (1, 4, 8), SELECTORS):
        undefined = selector == "activation_massive_count"
        percentile = {"oracle": 98.0, "random": 50.0}.get(selector, float(100 * draw.random()))
        row = {"model": model, "dataset": dataset, "selector": selector, "direction": direction, "mask": mask,
               "features": "tfidf" if selector in ("similarity_pool", "k_centre") else "", "shots": shots,
               "score": np.nan if undefined else 0.6 + percentile / 1000, "random_mean": 0.65, "random_sd": 0.03,
               "low": -0.01, "high": 0.05, "p": 0.2, "percentile": np.nan if undefined else percentile,
               "percentile_same_target": 40.0,
               "needs_label": mask == "causal" or selector == "oracle"}  # fmt: skip
        rows += [{**row, "metric": metric} for metric in ("performance", "gain")]
    return pd.DataFrame(rows)


def _learning(draw: np.random.Generator, pools: list[tuple[str, str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two ways to choose; perplexity is beyond chance in the first pool, activations nowhere."""
    chosen = (("activation_kurtosis", "highest", "input"), ("perplexity", "lowest", ""))
    curves: list[dict[str, Any]] = []
    areas: list[dict[str, Any]] = []
    for (model, dataset), rule, metric in product([*pools, ("", "")], ("random", "nearest"), ("performance", "gain")):
        named = {"model": model, "dataset": dataset, "features": "", "rule": rule, "metric": metric}
        for selector, direction, mask in chosen:
            key = named | {"selector": selector, "direction": direction, "mask": mask}
            first = (model, dataset) == pools[0] and selector == "perplexity"
            difference = 0.05 if first else 0.01 * draw.random()
            areas.append(key | {"area": 0.6 + difference, "random_area": 0.6, "difference": difference,
                                "low": difference - 0.02, "high": difference + 0.02, "p_orders": 0.0001,
                                "p_queries": 0.001, "p": 0.001, "p_family": 0.01 if first else 0.4})  # fmt: skip
            if model:
                curves += [key | {"budget": k, "score": 0.6 + 0.01 * k + difference} for k in (4, 8, 16)]
        if model:
            chance = named | {"selector": "random", "direction": "", "mask": ""}
            curves += [chance | {"budget": k, "score": 0.6 + 0.01 * k, "low": 0.58, "high": 0.8} for k in (4, 8, 16)]
    return pd.DataFrame(curves), pd.DataFrame(areas)


def _write_cells(folder: Path, draw: np.random.Generator, strongest: pd.Series[Any], n: int) -> None:
    x = draw.normal(size=n)
    noise = draw.normal(size=(n, 20)) * 0.2
    gain = (np.sign(strongest["rho"]) * x + draw.normal(size=n))[:, None] + noise
    assert abs(spearmanr(x, gain.mean(axis=1)).statistic) > 0.3
    column = Column(*(str(strongest[axis]) for axis in Column._fields))
    Cells(
        model=str(strongest["model"]),
        dataset=str(strongest["dataset"]),
        columns=(column, column._replace(mask="other")),
        scores=np.stack([x, x[::-1]], axis=1).astype(np.float32),
        gain=gain.astype(np.float32),
        performance=(gain > 0).astype(np.float32),
        candidates=np.array([f"c{i}" for i in range(n)]),
        n_input=np.ones(n, dtype=np.int64),
        n_target=np.ones(n, dtype=np.int64),
        first_token=np.zeros(n, dtype=np.int64),
        target=np.zeros(n, dtype=np.int32),
        query_target=np.zeros(20, dtype=np.int32),
        target_problem="",
        fingerprint="synthetic",
    ).write(folder / "cells")


def _claim(family: pd.DataFrame, strongest: pd.Series[Any], pools: list[tuple[str, str]]) -> dict[str, Any]:
    top = abs(float(strongest["rho"]))
    declared = {"statistics": list(STATISTICS), "sites": ["mlp_output"], "poolings": ["mean"], "layers": ["mean"],
                "outcomes": ["quality", "performance"], "shots": 1}  # fmt: skip
    families = {
        name: {
            "declared": {"masks": list(masks), **declared},
            "as_stated": _found(family, strongest, top, "refuted"),
            "given_target": _found(family, strongest, top / 2, "inconclusive"),
        }
        for name, masks in (("paper", HEADLINE), ("extended", MASKS), ("outlook", ("causal",)))
    }
    families["outlook"]["declared"] |= {"layers": [LAYER], "poolings": [POOLING], "statistics": ["sae_loss", "sae_l0"]}
    return {
        "verdict": "refuted",
        "verdict_given_target": "inconclusive",
        "sentence": f"The claim does not hold for these models: one correlation reaches {top:.2f}; given the target …",
        "headline": "paper",
        "families": families,
        "uncovered": {"tiny_llama-topic": "nearly all targets differ: 58 of 60 candidates have one of their own"},
        "target_alone": {"cells": 12, "above_bound": 3},
        "constant": [{"model": "tiny_llama", "dataset": "topic", "statistic": "massive_count", "masks": list(MASKS)}],
        "bound": BOUND,
        "alpha": 0.05,
        "intervals": "bootstrap",
        "sensitivity_rho": 0.6, "power": 0.9,
        "seed": 0, "permutations": 1000, "bootstrap": 1000, "splits": 200, "fingerprint": "0123456789abcdef",
        "cells_fingerprint": "fedcba9876543210",
        "digests": {f"cells/{m}-{d}.npz": "cd" * 32 for m, d in pools},
    }  # fmt: skip


def _found(family: pd.DataFrame, strongest: pd.Series[Any], top: float, verdict: str) -> dict[str, Any]:
    key = ["model", "dataset", "mask", "statistic", "pooling", "site", "layer", "outcome", "shots", "n", "n_distinct",
           "target_alone", "rho"]  # fmt: skip
    statement = {"holds": True, "text": "it says in one sentence what was found, and what that means"}
    return {
        "verdict": verdict,
        "sentence": "One sentence.",
        "by_outcome": {t: {"verdict": verdict, "max_abs_rho": top, "null_quantile_95": 0.31, "p_family": 0.001,
                          "insensitive": 0} for t in OUTCOMES},
        "max_abs_rho": top,
        "cell": {name: value.item() if hasattr(value, "item") else value for name, value in strongest[key].items()},
        "n_cells": len(family),
        "n_undefined": int(family["rho"].isna().sum()),
        "undefined": {"constant score": int(family["rho"].isna().sum())},
        "null_quantile_95": 0.31,
        "p_family": 0.000999,
        "intervals": {"critical_value": 3.4, "largest_lower_limit": top - 0.1, "n_above_bound": 2,
                      "strongest": {"ci": [top - 0.1, top + 0.1], "simultaneous": [top - 0.1, top + 0.1]}},
        "statements": {"reproduction": {**statement, "holds": False}, "chance": statement, "intervals": statement,
                       "sensitivity": statement},
        "equivalence": {"n_equivalent": 100, "all_equivalent": False, "mean_power": 0.9},
        "sensitive_pools": {"quality": 4, "performance": 3},
        "insensitive": [],
        "controls": {"planted": {"passed": True, "ran": 8, "of": 8, "shown": 8}},
    }  # fmt: skip
