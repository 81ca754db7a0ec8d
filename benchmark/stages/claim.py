"""claim: the verdict and its tables, from the cells alone."""

from __future__ import annotations

from benchmark.analysis import claim
from benchmark.params import Params
from benchmark.stages.inputs import claim_inputs


def run(params: Params) -> None:
    claim.claim(claim_inputs(params))
