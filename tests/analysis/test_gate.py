from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.analysis.claim import claim
from benchmark.analysis.gate import gate
from benchmark.analysis.parameters import ClaimParameters
from benchmark.errors import BenchmarkError
from benchmark.storage import read_json, write_json
from tests.analysis.conftest import Workplace
from tests.analysis.upstream import parameters, write_all, write_planted

REPRODUCED = {"gate": {"expect": "reproduced"}}


def run(place: Workplace, settings: ClaimParameters) -> str:
    return gate(place.inputs(settings)).verdict


def claimed(folder: Path, **truth: float) -> Workplace:
    write_all(folder, **truth)
    place = Workplace(folder)
    place.correlate(parameters())
    claim(place.inputs(parameters()))
    return place


def test_a_reproduced_claim_passes_either_way(finished: Workplace) -> None:
    assert run(finished, parameters()) == "reproduced"
    assert run(finished, parameters(**REPRODUCED)) == "reproduced"


@pytest.mark.slow
def test_a_refuted_claim_names_cell_bound_and_where_to_look(tmp_path: Path) -> None:
    place = claimed(tmp_path, n=400, rho=0.65)
    assert run(place, parameters()) == "refuted"
    with pytest.raises(BenchmarkError) as caught:
        run(place, parameters(**REPRODUCED))
    message = str(caught.value)
    for part in (
        "the claim is refuted",
        "/causal/mean/mean/mlp_output/mean/",
        "bound 0.33",
        "n = 400",
        "confounds.csv",
    ):
        assert part in message
    assert "\n" not in message


@pytest.mark.slow
def test_an_exceeded_claim_is_neither_refuted_nor_reproduced(tmp_path: Path) -> None:
    place = claimed(tmp_path, n=600, rho=0.38)
    assert run(place, parameters()) == "exceeded"
    with pytest.raises(BenchmarkError, match=r"the claim is exceeded: rho = 0\.\d+ at .*/causal/mean/.* bound 0\.33"):
        run(place, parameters(**REPRODUCED))


@pytest.mark.slow
def test_an_inconclusive_claim_says_what_is_missing(tmp_path: Path) -> None:
    place = claimed(tmp_path, n=600, noise=20.0)
    assert run(place, parameters()) == "inconclusive"
    with pytest.raises(BenchmarkError, match=r"is inconclusive, though .* reliability .*power\.csv"):
        run(place, parameters(**REPRODUCED))


def test_a_failed_control_stops_every_profile(place: Workplace) -> None:
    planted = write_planted(place.results, after=1.1)
    claim(place.inputs(parameters(), planted))
    with pytest.raises(
        BenchmarkError, match=r"first massive_dimension in alpha/causal/max_abs: expected 2, found 1\.100"
    ):
        gate(place.inputs(parameters(), planted))


def test_an_edited_planted_table_is_refused(place: Workplace) -> None:
    planted = write_planted(place.results, after=9.0)
    claim(place.inputs(parameters(), planted))
    assert gate(place.inputs(parameters(), planted)).verdict == "reproduced"
    write_planted(place.results, after=9.5)
    with pytest.raises(BenchmarkError, match=r"planted\.csv was changed after the claim .* restore it, or run"):
        gate(place.inputs(parameters(), planted))


def test_a_verdict_that_the_cells_do_not_give_is_refused(place: Workplace) -> None:
    path = place.results / "claim.json"
    write_json(path, read_json(path) | {"verdict": "inconclusive"})
    with pytest.raises(BenchmarkError, match="is not what the cells give"):
        run(place, parameters())
