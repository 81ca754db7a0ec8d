"""report: one page, and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.params import Params
from benchmark.stages.names import CONTEXT, TABLES
from benchmark.stages.stage import Out, stage

CALIBRATION = Path("results/calibration.csv")
"""Of the verdict, whatever the profile: `calibrate` writes it there."""


@stage(
    parameters=("profile",),
    inherited=("claim", *CONTEXT),
    inputs=(
        "{results}/cells",
        "{results}/claim.json",
        "{results}/correlations.csv",
        "{results}/selection.csv",
        "{results}/sae.csv",
        "{results}/learning.csv",
        "{results}/learning_areas.csv",
        "{results}/timing.json",
        "{results}/timing_history.csv",
        *(f"{{results}}/{name}.csv" for name in TABLES),
    ),
    outs=(Out("{results}/report.html", kept=True), Out("{results}/figures", kept=True)),
)
def run(params: Params) -> None:
    """Write results/report.html and its figures."""
    from benchmark.attestations import read
    from benchmark.report.page import write_report

    write_report(params.results, params.profile, record(params), CALIBRATION, read())


def record(params: Params) -> dict[str, Any]:
    """What was run, as far as it is the same in every run with these results; `provenance.json` has the rest."""
    from benchmark.seeds import seeds

    parameters = params.model_dump(
        mode="json", include={"models", "datasets", "claim", "seed", "device", "dtype", "threads"}
    )
    return {
        **{name: parameters[name] for name in ("models", "datasets", "device", "dtype", "threads")},
        "seeds": seeds(parameters),
    }
