"""`results/correlations.csv`: rho of every score with every outcome, declared and explored, one shot and more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.artefacts.cells import AGAIN, KEY
from benchmark.errors import BenchmarkError
from benchmark.storage import read_table, write_table

VALUES = ("n", "n_distinct", "rho", "ci_low", "ci_high", "p_value", "undefined")
COLUMNS = (*KEY, *VALUES)
DECIMALS = {"rho": 6, "ci_low": 4, "ci_high": 4, "p_value": 6}


def write_correlations(path: Path, table: pd.DataFrame) -> None:
    write_table(path, table[list(COLUMNS)].round(DECIMALS))


def read_correlations(path: Path) -> pd.DataFrame:
    """Reads it; raises where a cell occurs twice, or has neither a rho nor a reason for none."""
    frame = read_table(path, columns=COLUMNS, text=(*(set(KEY) - {"shots"}), "undefined"))
    double = frame.duplicated(list(KEY))
    if double.any():
        raise BenchmarkError(f"{path} holds a cell twice: {cell_name(frame[double].iloc[0])}: {AGAIN}")
    numbers = ["rho", "ci_low", "ci_high", "p_value"]
    frame[numbers] = frame[numbers].apply(pd.to_numeric, errors="coerce")
    odd = frame[numbers].isna().any(axis=1) & (frame["undefined"] == "")
    if odd.any():
        raise BenchmarkError(
            f"{path}: a number is missing, and no reason given, in {cell_name(frame[odd].iloc[0])}: {AGAIN}"
        )
    sizes = frame.groupby(["dataset", "shots"])["n"].nunique()
    if (sizes > 1).any():
        dataset, shots = sizes[sizes > 1].index[0]
        raise BenchmarkError(f"{path} mixes n in dataset {dataset} at {shots} shots: {AGAIN}")
    return frame


def cell_name(row: Mapping[str, Any]) -> str:
    """A cell's key in one word."""
    return "/".join(str(row[key]) for key in KEY)
