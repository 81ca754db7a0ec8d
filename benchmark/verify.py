"""Do the committed results belong to the committed code and parameters? Needs no model, and no torch."""

from __future__ import annotations

from pathlib import Path

from benchmark import attestations, provenance, staleness
from benchmark.analysis import gate
from benchmark.errors import BenchmarkError
from benchmark.params import Params
from benchmark.stages import code
from benchmark.stages.inputs import claim_inputs


def run(params: Params, pipeline: Path) -> str:
    """Raises `BenchmarkError` with the first thing that does not fit: a file, and the cell where there is one."""
    edited = provenance.changed(params)
    if edited:
        raise BenchmarkError(
            f"{', '.join(edited)} changed after the run{_cell(params)}: `git checkout` what was edited, or run "
            f"`{params.command}` and commit what changes"
        )
    stages = staleness.check(pipeline, renewed=["code"])
    edits = code.changed(params)
    if edits:
        others = f" (and {len(edits) - 1} more files)" if len(edits) > 1 else ""
        run = f"run `{params.command}` and commit what changes"
        raise BenchmarkError(f"stale: stages ran with other code: {edits[0]}{others}; {run}")
    claim = gate.gate(claim_inputs(params))
    reruns = sum(found.profile == params.profile and found.kind != "recomputed" for found in attestations.read())
    return (
        f"verified: recomputed from the cells, no model was run; {stages} stages are up to date, and the cells give "
        f"the recorded verdicts, {claim.said()}; reruns on record in {attestations.FOLDER}/: {reruns}"
    )


def _cell(params: Params) -> str:
    """What the claim finds wrong, recomputed from the cells as they are."""
    try:
        gate.gate(claim_inputs(params))
    except BenchmarkError as error:
        return f" ({error})"
    return ""
