"""claim: the verdict and its tables, from the cells alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.params import Params
from benchmark.stages.names import TABLES
from benchmark.stages.stage import Out, stage
from benchmark.storage import write_json


@stage(
    parameters=("claim",),  # and those of the cells, which record theirs
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

    summary = claim.claim(claim_inputs(params)).summary
    write_json(params.results / "metrics.json", metrics(summary))


def metrics(summary: Mapping[str, Any]) -> dict[str, Any]:
    """What `dvc metrics show` and `dvc exp show` have room for: the headline's verdicts, and how large rho is."""
    found = summary["families"][summary["headline"]]
    stated, given = found["as_stated"], found["given_target"]
    return {
        "verdict": stated["verdict"],
        "max_abs_rho": stated["max_abs_rho"],
        "chance": stated["null_quantile_95"],
        "verdict_given_target": given["verdict"],
        "max_abs_rho_given_target": given["max_abs_rho"],
        "chance_given_target": given["null_quantile_95"],
    }
