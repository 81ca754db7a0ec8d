"""gate: the one stage that fails on a verdict."""

from __future__ import annotations

from benchmark.analysis import gate
from benchmark.params import Params
from benchmark.stages.inputs import claim_inputs


def run(params: Params) -> str:
    verdict = gate.gate(claim_inputs(params)).verdict
    return f"gate: the cells give the recorded verdict, {verdict}, and every control held"
