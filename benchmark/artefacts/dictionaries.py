"""`results/sae.csv`: how good each dictionary is, a row for a model and site; `data/sae/M/dictionaries.csv` has one
model's rows.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.storage import read_table, write_table

COLUMNS = (
    "model",
    "site",
    "layer",
    "hidden",
    "width",
    "tokens_asked",
    "tokens",
    "passes",
    "held_out",
    "unexplained",
    "l0",
    "alive",
    "cross_entropy",
    "cross_entropy_patched",
    "cross_entropy_zero",
    "recovered",
)


def write_dictionaries(path: Path, table: pd.DataFrame) -> None:
    write_table(path, table[list(COLUMNS)], decimals=4)


def read_dictionaries(path: Path) -> pd.DataFrame:
    return read_table(path, COLUMNS, text=("model", "site"))
