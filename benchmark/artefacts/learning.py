"""What a budget of labels is worth, by who chose what to label: `results/learning.csv` and `learning_areas.csv`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.storage import read_table, write_table

METHOD = ["selector", "direction", "mask", "features", "asked"]
"""`asked` is `each round` where the model was asked anew in each round, and else empty."""
NAMES = ("model", "dataset", *METHOD, "rule", "metric")
CURVES = (*NAMES, "budget", "score", "low", "high")
AREAS = (*NAMES, "area", "random_area", "difference", "low", "high", "p_orders", "p_queries", "p", "p_family")
DECIMALS = 4
P_DECIMALS = 6


def write_learning(folder: Path, curves: pd.DataFrame, areas: pd.DataFrame) -> None:
    """Writes a row for each selector, rule, metric and budget into the one, and without the budgets into the other."""
    write_table(folder / "learning.csv", curves.reindex(columns=list(CURVES)), DECIMALS)
    numbers = ["area", "random_area", "difference", "low", "high"]
    rounded = areas.reindex(columns=list(AREAS)).assign(**{name: areas[name].round(DECIMALS) for name in numbers})
    write_table(folder / "learning_areas.csv", rounded, P_DECIMALS)


def read_learning(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The curves and the areas."""
    named = (("learning.csv", CURVES), ("learning_areas.csv", AREAS))
    curves, areas = (read_table(folder / name, columns, text=NAMES) for name, columns in named)
    return curves, areas
