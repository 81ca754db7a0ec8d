"""`data/planted/M/planted.csv`, all as `results/planted.csv`: a planted massive dimension and the statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.errors import BenchmarkError
from benchmark.storage import read_table, write_table

COLUMNS = ("model", "mask", "statistic", "layer", "before", "after")
AGAIN = "run the plant stages again"


def write_planted(path: Path, table: pd.DataFrame) -> None:
    """Writes a row for each model, mask, statistic and layer: means over candidates, in the columns of `COLUMNS`."""
    write_table(path, table[list(COLUMNS)])


def read_planted(path: Path) -> pd.DataFrame:
    table = read_table(path, COLUMNS)
    if not np.isfinite(table[["before", "after"]].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)).all():
        raise BenchmarkError(f"{path} holds a value that is not finite: {AGAIN}")
    return table
