"""correlate: rho of every cell; and the tables of all models and datasets, each put into one."""

from __future__ import annotations

from benchmark.params import Params
from benchmark.stages.names import CONTEXT
from benchmark.stages.stage import Out, stage

OUTS = ("cells", "correlations.csv", "selection.csv", "planted.csv", "sae.csv")


@stage(
    parameters=("claim", "sae.texts"),
    inherited=CONTEXT,
    inputs=tuple(
        f"{{data}}/{name}" for name in ("datasets", "activations", "quality", "selection", "planted", "sae", "features")
    ),
    outs=tuple(Out(f"{{results}}/{name}", kept=True) for name in OUTS),
)
def run(params: Params) -> None:
    """Correlate every score with quality and performance."""
    import pandas as pd

    from benchmark.analysis import correlation
    from benchmark.artefacts.dictionaries import COLUMNS, read_dictionaries, write_dictionaries
    from benchmark.artefacts.planted import read_planted, write_planted
    from benchmark.artefacts.selection import read_selection, write_selection
    from benchmark.stages.inputs import context, pairs

    chosen = [read_selection(params.part("selection", *pair) / "selection.csv") for pair in pairs(params)]
    planted = [read_planted(params.data / "planted" / model / "planted.csv") for model in params.models]
    trained = [read_dictionaries(params.data / "sae" / model / "dictionaries.csv") for model in params.sae.models]
    correlation.correlate(
        pairs(params),
        data=params.data,
        cells=params.results / "cells",
        table=params.results / "correlations.csv",
        parameters=params.claim,
        context=context(params),
    )
    write_selection(params.results / "selection.csv", pd.concat(chosen, ignore_index=True))
    write_planted(params.results / "planted.csv", pd.concat(planted, ignore_index=True))
    write_dictionaries(params.results / "sae.csv", pd.concat([pd.DataFrame(columns=list(COLUMNS)), *trained]))
