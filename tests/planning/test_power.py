"""How many candidates it takes, before anything is measured; against a search one by one and against simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmark.analysis.equivalence import detection_power
from benchmark.doctor.finding import State
from benchmark.doctor.power import check_power
from benchmark.params import Params, load_params
from benchmark.planning.power import candidates_needed, critical, least_reliability, power_of_pools

ROOT = Path(__file__).parents[2]


def profile(folder: Path, pools: dict[str, int], **claim: float) -> Params:
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["paths"]["data"] = str(folder / "data")
    content["datasets"] = {name: content["datasets"][name] | {"pool": n} for name, n in pools.items()}
    content["claim"] |= claim
    (folder / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_params(folder / "params.yaml")


def test_the_n_is_the_first_that_is_enough(tmp_path: Path) -> None:
    params = profile(tmp_path, {"topic": 300})
    limits = critical(params)
    for reliability in (1.0, 0.8):
        expected = 0.6 * reliability**0.5
        enough = (n for n in range(4, 2000) if detection_power(expected, n, 0.33, limits) >= 0.9)
        assert candidates_needed(params, reliability) == next(enough)


def test_the_limit_is_that_of_independent_cells(tmp_path: Path) -> None:
    params = profile(tmp_path, {"topic": 300})  # 2 models, 2 masks, 7 statistics, 2 outcomes: 56 cells
    largest = np.abs(np.random.default_rng(0).standard_normal((20_000, 56))).max(axis=1)
    assert critical(params) == pytest.approx(float(np.quantile(largest, 0.95)), abs=0.03)


def test_the_least_reliability_is_enough_and_a_hundredth_less_is_not(tmp_path: Path) -> None:
    params = profile(tmp_path, {"topic": 300})
    least = least_reliability(params, 300)
    assert least is not None
    needed, more = candidates_needed(params, least), candidates_needed(params, least - 0.01)
    assert needed is not None
    assert more is not None
    assert needed <= 300 < more


def test_pools_that_are_too_small_are_a_note_of_the_doctors_with_the_n_it_takes(tmp_path: Path) -> None:
    params = profile(tmp_path, {"topic": 200, "opinion": 336, "sentiment": 336})
    small, large = check_power(params)
    assert (small.state, large.state) == (State.NOTE, State.OK)
    assert small.text.startswith("200 candidates (topic), too few to see a correlation of 0.6 above the bound 0.33")
    assert f"by reliability, it takes about {candidates_needed(params, 1.0):,} at 1, " in small.text
    assert large.text.startswith("336 candidates (opinion, sentiment), enough to see a correlation of 0.6")
    assert not any(finding.blocks for finding in (small, large))


def test_a_bound_that_nothing_can_exceed_is_said(tmp_path: Path) -> None:
    (only,) = power_of_pools(profile(tmp_path, {"topic": 336}, bound=0.7))
    assert not only.enough
    assert only.text.endswith("no number of candidates is enough")
