"""`data/selection/M/D/selection.csv`, all as `results/selection.csv`: how well what each selector chose does."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.storage import read_table, write_table

COLUMNS = (
    "model",
    "dataset",
    "selector",
    "direction",
    "mask",
    "features",
    "shots",
    "metric",
    "score",
    "random_mean",
    "random_sd",
    "low",
    "high",
    "p",
    "percentile",
    "percentile_same_target",
    "needs_label",
)
DECIMALS = 4


def write_selection(path: Path, table: pd.DataFrame) -> None:
    """Writes a row for each selector, number of shots and metric, in the columns of `COLUMNS`."""
    write_table(path, table[list(COLUMNS)], DECIMALS)


def read_selection(path: Path) -> pd.DataFrame:
    return read_table(path, COLUMNS, text=("direction", "mask", "features"))
