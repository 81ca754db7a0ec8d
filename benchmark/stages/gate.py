"""gate: the one stage that fails on a verdict."""

from __future__ import annotations

from benchmark.params import Params
from benchmark.stages.names import CONTEXT
from benchmark.stages.stage import instances, stage


@stage(
    parameters=("claim.gate",),
    inherited=("claim", *CONTEXT),
    inputs=(
        "{results}/cells",
        "{results}/claim.json",
        "{results}/correlations.csv",
        "{results}/report.html",  # a refusal leaves the page that explains it
    ),
)
def run(params: Params) -> str:
    """Fail unless the verdict, recomputed from the cells, is the recorded one and the one that this profile expects."""
    from benchmark import provenance
    from benchmark.analysis.gate import demand
    from benchmark.analysis.verification import verify
    from benchmark.stages.inputs import claim_inputs

    inputs = claim_inputs(params)
    claim = verify(inputs)
    provenance.write(params, [name for name in instances(params) if name != "gate"])  # of what is refused as well
    demand(claim, inputs)
    return f"gate: recomputed from the cells, the verdicts are those on record, {claim.said()}, and every control held"
