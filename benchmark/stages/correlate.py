"""correlate: rho of every cell; and the tables of all models and datasets, each put into one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.analysis import correlation
from benchmark.params import Params
from benchmark.stages.inputs import check_folders, context, pairs
from benchmark.storage import read_table, write_table


def run(params: Params) -> None:
    for kind in ("activations", "quality", "selection"):
        check_folders(params.data / kind, params)
    selection = _joined([params.data / "selection" / f"{model}-{dataset}.csv" for model, dataset in pairs(params)])
    planted = _joined([params.data / "planted" / f"{model}.csv" for model in params.models])
    correlation.correlate(
        pairs(params),
        activations=params.data / "activations",
        quality=params.data / "quality",
        cells=params.results / "cells",
        table=params.results / "correlations.csv",
        parameters=params.claim,
        context=context(params),
    )
    write_table(params.results / "selection.csv", selection)
    write_table(params.results / "planted.csv", planted)


def _joined(paths: list[Path]) -> pd.DataFrame:
    return pd.concat([read_table(path, text=("direction", "mask")) for path in paths], ignore_index=True)
