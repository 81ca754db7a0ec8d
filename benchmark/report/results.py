"""What the page is made of: the files of `results/`, read once. Only the claim is required."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, read_json, read_table
from benchmark.timing.history import read_history

COLUMN = ("mask", "statistic", "pooling", "site", "layer")
CELL = ("model", "dataset", *COLUMN, "outcome", "shots")
TEXT = (
    "model",
    "dataset",
    *COLUMN,
    "outcome",
    "undefined",
    "selector",
    "direction",
    "metric",
    "control",
    "note",
    "verdict",
    "confound",
    "question",
    "scenario",
    "demanded",
    "intervals",
    "model_a",
    "model_b",
)
TABLES: Mapping[str, tuple[str, ...]] = {
    "correlations": (*CELL, "n", "rho", "undefined"),
    "family": (*CELL, "n", "rho", "simultaneous_low", "simultaneous_high", "lower_limit", "p_family", "undefined"),
    "equivalence": ("model", "dataset", "outcome", "n", "rho", "bound", "equivalent", "power"),
    "power": ("question", "true_rho", "reliability", "n_needed", "power"),
    "reliability": (
        *("model", "dataset", "outcome", "n", "reliability", "reliability_low", "reliability_high"),
        *("ceiling", "power", "sensitive"),
    ),
    "confounds": (*CELL, "rho", "partial_rho"),
    "confound_shares": ("model", "dataset", "outcome", "confound", "adjusted_r_squared"),
    "consistency": (*COLUMN, "outcome", "n_pools", "mean_rho", "ci_low", "ci_high", "sign_agreement"),
    "agreement": ("outcome", "model_a", "model_b", "n_cells", "agreement", "sign_agreement"),
    "controls": ("control", "model", "dataset", "outcome", "expected", "value", "passed", "note"),
    "null": ("low", "high", "null_max", "null_cell", "observed"),
    "calibration": (
        "scenario",
        "intervals",
        "experiments",
        "n",
        "reproduced",
        "refuted",
        "exceeded",
        "inconclusive",
        "demanded",
    ),
    "selection": ("model", "dataset", "selector", "direction", "mask", "shots", "metric", "score", "percentile"),
}
"""Every table the page can show, with the columns it needs."""


@dataclass(frozen=True)
class Results:
    """The claim, whichever tables are there, how long things take, and how long they took in earlier revisions."""

    folder: Path
    claim: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    timing: Mapping[str, Any]
    history: pd.DataFrame

    def family(self) -> pd.DataFrame | None:
        """The declared cells with what was found about each; without `family.csv`, their correlations alone."""
        if "family" in self.tables:
            return self.tables["family"]
        if "correlations" not in self.tables:
            return None
        table, declared = self.tables["correlations"], self.claim["family"]
        keep = table["shots"] == declared["shots"]
        for axis in (*COLUMN, "outcome"):
            keep &= table[axis].isin(
                [str(name) for name in declared[f"{'statistic' if axis == 'statistic' else axis}s"]]
            )
        return table[keep]

    def scatter(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Score and outcome of every candidate, float64 [n] each, in the strongest cell; None without its cells."""
        cell = self.claim["cell"]
        if not cell:
            return None
        path = self.folder / "cells" / f"{cell['model']}-{cell['dataset']}.npz"
        if not path.exists():
            return None
        arrays = read_arrays(path, ["scores", "gain", "performance", *COLUMN])
        at = np.logical_and.reduce([arrays[axis].astype(str) == str(cell[axis]) for axis in COLUMN])
        if np.count_nonzero(at) != 1:
            raise BenchmarkError(f"{path} does not hold the strongest cell of claim.json once: run the claim again")
        outcome = arrays["gain" if cell["outcome"] == "quality" else "performance"]
        return arrays["scores"][:, at].ravel().astype(np.float64), outcome.astype(np.float64).mean(axis=1)


def read_results(folder: Path, calibration: Path | None = None) -> Results:
    """Reads `folder`, and the table in `calibration`, which is of no profile, in the place of the folder's own.

    Raises `BenchmarkError` for a missing claim, or for a file that is there and cannot be read.
    """
    claim = read_json(folder / "claim.json")
    missing = [key for key in ("verdict", "sentence", "bound", "max_abs_rho", "cell", "n_cells") if key not in claim]
    if missing:
        raise BenchmarkError(f"{folder / 'claim.json'} lacks {', '.join(missing)}: run the claim stage again")
    tables = {}
    for name, columns in TABLES.items():
        path = calibration if calibration and name == "calibration" else folder / f"{name}.csv"
        if path.exists():
            tables[name] = read_table(path, columns, text=TEXT)
    timing = folder / "timing.json"
    history = read_history(folder / "timing_history.csv")
    return Results(folder, claim, tables, read_json(timing) if timing.exists() else {}, history)
