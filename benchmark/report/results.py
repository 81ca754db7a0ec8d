"""What the page is made of: the files of `results/`, read once. Only the claim is required."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.analysis.decomposition import COLUMNS as DECOMPOSITION
from benchmark.analysis.parameters import AS_STATED
from benchmark.artefacts.cells import KEY, Cells
from benchmark.artefacts.column import Column
from benchmark.artefacts.dictionaries import COLUMNS as DICTIONARY
from benchmark.artefacts.learning import AREAS, CURVES
from benchmark.artefacts.selection import COLUMNS as SELECTION
from benchmark.errors import BenchmarkError
from benchmark.storage import read_json, read_table
from benchmark.timing.history import read_history

COLUMN = ("mask", "statistic", "pooling", "site", "layer")
TEXT = (
    "family",
    "claim",
    "model",
    "dataset",
    *COLUMN,
    "outcome",
    "undefined",
    "selector",
    "direction",
    "features",
    "asked",
    "rule",
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
    "correlations": (*KEY, "n", "rho", "undefined"),
    "family": (
        "family",
        "claim",
        *KEY,
        "n",
        "n_distinct",
        "target_alone",
        "rho",
        "simultaneous_low",
        "simultaneous_high",
        "lower_limit",
        "p_family",
        "undefined",
    ),
    "equivalence": ("claim", "model", "dataset", "outcome", "n", "rho", "bound", "equivalent", "power"),
    "power": ("family", "claim", "question", "true_rho", "reliability", "n_needed", "power"),
    "reliability": (
        *("family", "claim", "model", "dataset", "outcome", "n", "reliability", "reliability_low", "reliability_high"),
        *("ceiling", "power", "sensitive"),
    ),
    "decomposition": DECOMPOSITION,
    "confounds": (*KEY, "rho", "partial_rho"),
    "confound_shares": ("model", "dataset", "outcome", "confound", "adjusted_r_squared"),
    "consistency": ("claim", *COLUMN, "outcome", "n_pools", "mean_rho", "ci_low", "ci_high", "sign_agreement"),
    "agreement": ("claim", "outcome", "model_a", "model_b", "n_cells", "agreement", "sign_agreement"),
    "controls": (
        "family",
        "claim",
        "control",
        "model",
        "dataset",
        "outcome",
        "expected",
        "value",
        "shown",
        "passed",
        "note",
    ),
    "null": ("family", "claim", "low", "high", "null_max", "null_cell", "observed"),
    "given_length": ("family", *KEY, "rho_given_length", "simultaneous_low", "simultaneous_high", "p_family"),
    "sae": DICTIONARY,
    "calibration": (
        "scenario",
        "claim",
        "intervals",
        "experiments",
        "n",
        "reproduced",
        "refuted",
        "exceeded",
        "inconclusive",
        "demanded",
    ),
    "selection": SELECTION,
    "learning": CURVES,
    "learning_areas": AREAS,
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

    def found(self, claim: str = AS_STATED) -> Mapping[str, Any]:
        """What was found about the headline family under `claim`."""
        found: Mapping[str, Any] = self.claim["families"][self.claim["headline"]][claim]
        return found

    def rows(self, name: str, claim: str = AS_STATED) -> pd.DataFrame | None:
        """A table's rows under `claim`, of the headline family where they differ by family; None without the table."""
        table = self.tables.get(name)
        if table is not None and "claim" in table:
            table = table[table["claim"] == claim]
        if table is not None and "family" in table:
            table = table[table["family"] == self.claim["headline"]]
        return table

    def cells(self, claim: str = AS_STATED) -> pd.DataFrame | None:
        """Every declared cell once under `claim`, as its first family has it, the headline before the others."""
        if "family" not in self.tables:
            return None
        table = self.tables["family"][self.tables["family"]["claim"] == claim]
        first = table["family"] == self.claim["headline"]
        once = pd.concat([table[first], table[~first]]).drop_duplicates(list(KEY))
        return once.reset_index(drop=True)

    def scatter(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Score and outcome of every candidate, float64 [n] each, in the strongest cell; None without its cells."""
        cell = self.found()["cell"]
        if not cell:
            return None
        path = self.folder / "cells" / f"{cell['model']}-{cell['dataset']}.npz"
        if not path.exists():
            return None
        cells = Cells.read(path)
        column = Column(*(str(cell[axis]) for axis in Column._fields))
        if column not in cells.columns:
            raise BenchmarkError(f"{path} does not hold the strongest cell of claim.json: run the claim stage again")
        scores = cells.scores[:, cells.columns.index(column)]
        return scores.astype(np.float64), cells.outcome(cell["outcome"])


def read_results(folder: Path, calibration: Path | None = None) -> Results:
    """Reads `folder`, and the table in `calibration`, which is of no profile, in the place of the folder's own.

    Raises `BenchmarkError` for a missing claim, or for a file that is there and cannot be read.
    """
    claim = read_json(folder / "claim.json")
    missing = [key for key in ("verdict", "sentence", "bound", "headline", "families") if key not in claim]
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
