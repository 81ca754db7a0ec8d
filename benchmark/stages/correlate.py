"""correlate: rho of every cell; and the tables of all models and datasets, each put into one."""

from __future__ import annotations

import pandas as pd

from benchmark.analysis import correlation
from benchmark.artefacts.planted import read_planted, write_planted
from benchmark.artefacts.selection import read_selection, write_selection
from benchmark.params import Params
from benchmark.stages.inputs import check_folders, context, pairs


def run(params: Params) -> None:
    for kind in ("activations", "quality", "selection"):
        check_folders(params.data / kind, params)
    every = [params.data / "selection" / model / f"{dataset}.csv" for model, dataset in pairs(params)]
    selection = pd.concat(map(read_selection, every), ignore_index=True)
    planted = pd.concat([read_planted(params.data / "planted" / f"{m}.csv") for m in params.models], ignore_index=True)
    correlation.correlate(
        pairs(params),
        data=params.data,
        cells=params.results / "cells",
        table=params.results / "correlations.csv",
        parameters=params.claim,
        context=context(params),
    )
    write_selection(params.results / "selection.csv", selection)
    write_planted(params.results / "planted.csv", planted)
