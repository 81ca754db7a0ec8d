"""`data/quality/M/D/uncertainty.csv`: how unsure the model is of each candidate without a demonstration."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.storage import read_table, write_table

COLUMNS = ("candidate", "perplexity", "predictive_entropy", "target_log_probability")


def write_uncertainty(folder: Path, table: pd.DataFrame) -> None:
    """Writes a row a candidate, in the columns of `COLUMNS`."""
    write_table(folder / "uncertainty.csv", table[list(COLUMNS)])


def read_uncertainty(folder: Path) -> pd.DataFrame:
    return read_table(folder / "uncertainty.csv", COLUMNS, text=("candidate",))
