"""What a stage without a model starts from: the pairs that its tables hold, and what they were made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmark.params import Params
from benchmark.stages.names import CONTEXT

if TYPE_CHECKING:
    from benchmark.analysis.claim import ClaimInputs


def pairs(params: Params) -> list[tuple[str, str]]:
    """Every (model, dataset) of the profile."""
    return [(model, dataset) for model in params.models for dataset in params.datasets]


def context(params: Params) -> dict[str, Any]:
    """What the cells were made from: tables of other parameters than these are refused as stale."""
    return params.model_dump(mode="json", include=set(CONTEXT))


def claim_inputs(params: Params) -> ClaimInputs:
    """What the claim, the gate and the verification of a profile start from."""
    from benchmark.analysis.claim import ClaimInputs  # here, for every stage reads this folder, and few need scipy

    return ClaimInputs(
        pairs=pairs(params),
        cells=params.results / "cells",
        correlations=params.results / "correlations.csv",
        results=params.results,
        parameters=params.claim,
        context=context(params),
        planted=params.results / "planted.csv",
    )
