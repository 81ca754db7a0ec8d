"""The verdict on record, in a few lines for a terminal."""

from __future__ import annotations

from benchmark.analysis.claim import check_current
from benchmark.params import Params
from benchmark.stages.inputs import claim_inputs
from benchmark.storage import read_json


def run(params: Params) -> str:
    claim = read_json(params.results / "claim.json")
    check_current(claim, claim_inputs(params))
    cell = claim["cell"]
    where = ", ".join(str(cell[key]) for key in ("model", "dataset", "mask", "statistic", "layer", "outcome"))
    return "\n".join(
        (
            f"verdict  {claim['verdict']} ({params.profile} profile)",
            f"         {claim['sentence']}",
            f"maximum  |rho| = {claim['max_abs_rho']:.3f}, bound {claim['bound']}",
            f"cell     {where}",
            f"n        {cell['n']} candidates; {claim['n_cells']} cells, {claim['n_undefined']} undefined",
            f"chance   95 % of permutations stay below {claim['null_quantile_95']:.3f} (p = {claim['p_family']:.4f})",
            f"page     {params.results / 'report.html'}",
        )
    )
