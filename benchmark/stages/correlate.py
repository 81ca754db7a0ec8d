"""correlate: rho of every cell; and the tables of all models and datasets, each put into one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.params import Params
from benchmark.stages.names import CONTEXT
from benchmark.stages.stage import Out, stage

if TYPE_CHECKING:
    import pandas as pd

OUTS = ("cells", "correlations.csv", "selection.csv", "planted.csv")


@stage(
    parameters=CONTEXT,
    inputs=("{data}/activations", "{data}/quality", "{data}/selection", "{data}/planted"),
    outs=tuple(Out(f"{{results}}/{name}", kept=True) for name in OUTS),
)
def run(params: Params) -> None:
    """Correlate every score with quality and performance."""
    from benchmark.analysis import correlation
    from benchmark.stages.inputs import context, pairs
    from benchmark.storage import write_table

    selection = _joined(params.part("selection", *pair) / "selection.csv" for pair in pairs(params))
    planted = _joined(params.data / "planted" / model / "planted.csv" for model in params.models)
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


def _joined(paths: Iterable[Path]) -> pd.DataFrame:
    import pandas as pd

    from benchmark.storage import read_table

    return pd.concat([read_table(path, text=("direction", "mask")) for path in paths], ignore_index=True)
