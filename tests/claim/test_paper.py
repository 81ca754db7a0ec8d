"""The paper's claim, as an assertion: every |rho| is at most 0.33, and the experiment could have shown otherwise."""

from __future__ import annotations

import pytest

from benchmark.analysis.claim import Claim
from benchmark.analysis.verification import verify
from benchmark.params import Params
from tests.claim.profile import committed, inputs

BOUND = 0.33
"""As the abstract of arXiv 2606.05134 has it; written out here so that no parameter can move it."""


@pytest.fixture(scope="module")
def params() -> Params:
    return committed("paper/params.yaml")


@pytest.fixture(scope="module")
def claim(params: Params) -> Claim:
    return verify(inputs(params))


def test_the_parameters_ask_for_the_papers_bound(params: Params) -> None:
    assert params.claim.bound == BOUND
    assert params.claim.headline == "paper"
    assert params.claim.gate.expect == "reproduced"


def test_every_correlation_lies_within_the_bound(claim: Claim) -> None:
    family = claim.tables["family.csv"]
    family = family[(family["family"] == "paper") & (family["claim"] == "as_stated")]
    above = family[family["rho"].abs() > BOUND]
    assert above.empty, above[["model", "dataset", "mask", "statistic", "outcome", "rho"]].to_string()


def test_the_controls_hold(claim: Claim) -> None:
    for family in claim.summary["families"].values():
        for of in ("as_stated", "given_target"):
            assert all(outcome["passed"] for outcome in family[of]["controls"].values()), family[of]["controls"]


def test_the_verdict_is_reproduced(claim: Claim) -> None:
    assert claim.verdict == "reproduced", claim.summary["sentence"]
