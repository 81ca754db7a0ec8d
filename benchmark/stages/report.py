"""report: one page, and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.params import Params
from benchmark.report.page import write_report
from benchmark.seeds import seeds

CALIBRATION = Path("results/calibration.csv")
"""Of the verdict, whatever the profile: `calibrate` writes it there."""


def run(params: Params) -> None:
    write_report(params.results, params.profile, record(params), CALIBRATION)


def record(params: Params) -> dict[str, Any]:
    """What was run, as far as it is the same in every run with these results; `provenance.json` has the rest."""
    parameters = params.model_dump(
        mode="json", include={"models", "datasets", "claim", "seed", "device", "dtype", "threads"}
    )
    return {
        **{name: parameters[name] for name in ("models", "datasets", "device", "dtype", "threads")},
        "seeds": seeds(parameters),
    }
