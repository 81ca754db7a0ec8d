"""claim: the verdict and its tables, from the cells alone."""

from __future__ import annotations

from benchmark.params import Params
from benchmark.stages.names import CONTEXT, TABLES
from benchmark.stages.stage import Out, stage


@stage(
    parameters=("claim",),
    inherited=CONTEXT,
    inputs=("{results}/cells", "{results}/correlations.csv", "{results}/planted.csv"),
    outs=(
        Out("{results}/claim.json", kept=True),
        Out("{results}/metrics.json", kept=True, metric=True),
        *(Out(f"{{results}}/{name}.csv", kept=True) for name in TABLES),
    ),
)
def run(params: Params) -> None:
    """Reach the verdict from the cells alone; no model is needed. It never fails on a verdict: `gate` does."""
    from benchmark.analysis import claim
    from benchmark.stages.inputs import claim_inputs

    claim.claim(claim_inputs(params))
