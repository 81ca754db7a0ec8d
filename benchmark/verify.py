"""Do the committed results belong to the committed code and parameters? Needs no model, and no torch."""

from __future__ import annotations

from pathlib import Path

from benchmark import provenance, staleness
from benchmark.analysis import gate
from benchmark.params import Params
from benchmark.stages.inputs import claim_inputs


def run(params: Params, pipeline: Path) -> str:
    stages = staleness.check(pipeline)
    provenance.check(params)
    claim = gate.gate(claim_inputs(params))
    return f"verified: {stages} stages are up to date, and the cells give the recorded verdicts, {claim.said()}"
