"""The committed claims of the embedded and the real small models: the controls hold, and the cells give the verdict.

They say nothing about the paper's models; `test_paper.py` does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.analysis.claim import Claim
from benchmark.analysis.gate import gate
from benchmark.analysis.verification import verify
from benchmark.errors import BenchmarkError
from benchmark.params import Params
from benchmark.storage import read_arrays, read_json, read_table, write_arrays, write_json, write_table
from tests.claim.profile import committed, inputs, spoilable

BOUND = 0.33
"""As the abstract of arXiv 2606.05134 has it; written out here so that no parameter can move it."""


@pytest.fixture(scope="module", params=["params.yaml", "pretrained/params.yaml"])
def params(request: pytest.FixtureRequest) -> Params:
    return committed(request.param)


@pytest.fixture(scope="module")
def claim(params: Params) -> Claim:
    return gate(inputs(params))


def test_the_cells_give_the_committed_verdict(params: Params, claim: Claim) -> None:
    recorded = read_json(inputs(params).results / "claim.json")
    assert claim.verdict == recorded["verdict"]
    for name, family in claim.verdicts().items():
        for of, verdict in family.items():
            found, known = claim.summary["families"][name][of], recorded["families"][name][of]
            assert verdict == known["verdict"]
            assert found["max_abs_rho"] == pytest.approx(known["max_abs_rho"], abs=2e-6)


@pytest.mark.parametrize("of", ["as_stated", "given_target"])
def test_the_papers_bound_is_kept_or_broken_as_the_record_says(claim: Claim, of: str) -> None:
    family = claim.tables["family.csv"]
    family = family[(family["family"] == "paper") & (family["claim"] == of)]
    above = (family["rho"].abs() > BOUND).sum()
    shown = (family["lower_limit"] > BOUND).sum()
    verdict = claim.verdicts()["paper"][of]
    assert (shown > 0) == (verdict == "refuted")
    if verdict in ("reproduced", "exceeded"):
        assert (above > 0) == (verdict == "exceeded")


def test_every_control_ran_and_holds(claim: Claim) -> None:
    for family in claim.summary["families"].values():
        for of in ("as_stated", "given_target"):
            for name, outcome in family[of]["controls"].items():
                assert outcome["ran"] > 0, name
                assert outcome["passed"], name


@pytest.mark.parametrize("name", ["paper", "extended"])
def test_a_family_is_the_declared_one(params: Params, claim: Claim, name: str) -> None:
    family = params.claim.families[name]
    columns = len(family.masks) * len(family.statistics) * len(family.poolings) * len(family.layers)
    pools = len(params.models) * len(params.datasets)
    if family.sites == ("mlp_output",):
        assert claim.summary["families"][name]["as_stated"]["n_cells"] == pools * columns * len(family.outcomes)
    assert set(claim.tables["family.csv"]["model"]) == set(params.models)
    assert set(claim.tables["family.csv"]["dataset"]) == set(params.datasets)


def edit_cells(results: Path) -> None:
    path = min((results / "cells").glob("*.npz"))
    arrays = read_arrays(path)
    arrays["gain"][0, 0] += 1e-5
    write_arrays(path, **arrays)


def edit_correlations(results: Path) -> None:
    table = read_table(results / "correlations.csv", text=("layer", "undefined"))
    row = table.index[table["undefined"] == ""][-1]
    table.loc[row, "rho"] -= 1e-4
    write_table(results / "correlations.csv", table)


def edit_claim(results: Path) -> None:
    summary = read_json(results / "claim.json")
    summary["families"]["extended"]["given_target"]["null_quantile_95"] += 1e-4
    write_json(results / "claim.json", summary)


def edit_table(results: Path) -> None:
    table = read_table(results / "family.csv", text=("layer", "undefined"))
    row = table.index[table["undefined"] == ""][0]
    table.loc[row, "ci_high"] += 1e-4
    write_table(results / "family.csv", table)


@pytest.mark.slow
@pytest.mark.parametrize("edit", [edit_cells, edit_correlations, edit_claim, edit_table])
def test_one_edited_number_makes_it_fail(params: Params, tmp_path: Path, edit: Callable[[Path], None]) -> None:
    results = spoilable(params, tmp_path)
    edit(results)
    with pytest.raises(BenchmarkError, match=r"changed after the claim|not what the cells give|the cells give"):
        verify(inputs(params, results))
