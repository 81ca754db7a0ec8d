"""`results/learning.csv`: what a budget of labels is worth, by who chose what to label."""

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
    "rule",
    "metric",
    "budget",
    "score",
    "random_mean",
    "random_low",
    "random_high",
    "area",
    "random_area",
    "p",
    "p_family",
)
DECIMALS = 4


def write_learning(path: Path, table: pd.DataFrame) -> None:
    """Writes a row for each selector, rule, metric and budget, in the columns of `COLUMNS`."""
    write_table(path, table[list(COLUMNS)], DECIMALS)


def read_learning(path: Path) -> pd.DataFrame:
    return read_table(path, COLUMNS, text=("direction", "mask", "features"))
