"""A profile's committed results, and the same as a copy that a test may spoil."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.analysis.claim import ClaimInputs
from benchmark.params import Params, load_params
from benchmark.stages.inputs import claim_inputs

ROOT = Path(__file__).parents[2]


def committed(path: str) -> Params:
    """The parameters of the profile in `path`; skips the test, with the reason, where it has no results."""
    if not (ROOT / path).exists():
        pytest.skip(f"{path} is missing: there is no such profile")
    params = load_params(ROOT / path)
    if not (ROOT / params.results / "claim.json").exists():
        pytest.skip(f"{params.results}/claim.json is missing: `{params.command}` has not been run")
    return params


def inputs(params: Params, results: Path | None = None) -> ClaimInputs:
    """What `gate` and `verify` take, of the committed results or of those in the folder `results`."""
    own = ROOT / params.results if results is None else results
    return replace(
        claim_inputs(params),
        cells=own / "cells",
        correlations=own / "correlations.csv",
        results=own,
        planted=own / "planted.csv",
    )


def spoilable(params: Params, folder: Path) -> Path:
    """A copy of what the claim consists of: cells, tables and claim.json."""
    source = ROOT / params.results
    shutil.copytree(source / "cells", folder / "cells")
    for path in [*source.glob("*.csv"), source / "claim.json", source / "metrics.json"]:
        shutil.copy(path, folder / path.name)
    return folder
