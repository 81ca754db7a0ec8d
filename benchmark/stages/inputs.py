"""What a stage without a model starts from: the pairs that its tables hold, and what they were made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.analysis.claim import ClaimInputs
from benchmark.errors import BenchmarkError
from benchmark.params import Params


def pairs(params: Params) -> list[tuple[str, str]]:
    """Every (model, dataset) of the profile."""
    return [(model, dataset) for model in params.models for dataset in params.datasets]


def check_folders(folder: Path, params: Params) -> None:
    """Raises `BenchmarkError` where `folder` holds a cell that the parameters do not name."""
    names = {f"{model}-{dataset}" for model, dataset in pairs(params)}
    for path in sorted(folder.glob("*/*")):
        if f"{path.parent.name}-{path.stem}" not in names and not path.name.startswith("."):
            raise BenchmarkError(f"{path} belongs to no model and dataset of {params.paths.params}: delete it")


def context(params: Params) -> dict[str, Any]:
    """What the cells were made from: tables of other parameters than these are refused as stale."""
    return params.model_dump(
        mode="json", include={"models", "datasets", "extraction", "quality", "seed", "device", "dtype", "threads"}
    )


def claim_inputs(params: Params) -> ClaimInputs:
    """What the claim, the gate and the verification of a profile start from."""
    return ClaimInputs(
        pairs=pairs(params),
        cells=params.results / "cells",
        correlations=params.results / "correlations.csv",
        results=params.results,
        parameters=params.claim,
        context=context(params),
        planted=params.results / "planted.csv",
    )
