"""The one stage that fails on a verdict: recomputed from the cells, not read from the JSON."""

from __future__ import annotations

from pathlib import Path

from benchmark.analysis.claim import Claim, ClaimInputs
from benchmark.analysis.parameters import AS_STATED
from benchmark.analysis.verification import verify
from benchmark.artefacts.cells import KEY
from benchmark.errors import BenchmarkError


def gate(inputs: ClaimInputs) -> Claim:
    """Verifies the committed claim, then demands of it what `parameters.gate` says.

    Always: every control that ran passed. `reproduced`: every |rho| of the headline family, as stated, is at most the
    bound, and the verdict is that.
    `recorded`: the cells give the recorded verdict, whichever. Raises `BenchmarkError` saying which cell or control,
    which bound, and where to look next.
    """
    claim = verify(inputs)
    demand(claim, inputs)
    return claim


def demand(claim: Claim, inputs: ClaimInputs) -> None:
    """What `gate` asks of a claim that was verified."""
    check_controls(claim, inputs.results)
    if inputs.parameters.gate.expect == "reproduced":
        check_bound(claim, inputs.results, inputs.parameters.bound)
        check_verdict(claim, inputs.results)


def check_controls(claim: Claim, results: Path) -> None:
    table = claim.tables["controls.csv"]
    failed = table[table["passed"] == 0]
    if len(failed):
        row = failed.iloc[0]
        where = "/".join(str(row[key]) for key in ("model", "dataset", "outcome", "mask", "statistic") if row[key])
        raise BenchmarkError(
            f"{len(failed)} of {len(table)} controls failed, first {row['control']} in {where}: expected "
            f"{row['expected']:g}, found {row['value']:.3f}: no verdict stands until they hold; "
            f"see {results}/controls.csv"
        )


def check_bound(claim: Claim, results: Path, bound: float) -> None:
    table = claim.tables["family.csv"]
    family = table[(table["family"] == claim.summary["headline"]) & (table["claim"] == AS_STATED)]
    above = family[family["rho"].abs() > bound]
    if len(above):
        row = above.loc[above["rho"].abs().idxmax()]
        cell = "/".join(str(row[key]) for key in KEY)
        raise BenchmarkError(
            f"the claim is {claim.verdict}: rho = {row['rho']:.3f} at {cell} (n = {row['n']}) lies beyond the bound "
            f"{bound}, as {len(above)} of {len(family)} cells do; its interval is in {results}/family.csv, what may "
            f"explain it in {results}/confounds.csv, all of it in {results}/report.html"
        )


def check_verdict(claim: Claim, results: Path) -> None:
    if claim.verdict != "reproduced":
        found = claim.summary["families"][claim.summary["headline"]][AS_STATED]
        raise BenchmarkError(
            f"the claim is {claim.verdict}, though no |rho| exceeds the bound {claim.summary['bound']}: "
            f"{found['statements']['sensitivity']['text']}; see {results}/reliability.csv, {results}/power.csv"
        )
