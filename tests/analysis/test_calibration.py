from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from benchmark.analysis import calibration
from benchmark.analysis.calibration import (
    GIVEN,
    INTERVALS,
    SCENARIOS,
    VERDICTS,
    Demand,
    Intervals,
    calibrate,
    demands,
)
from benchmark.analysis.parameters import Verdict
from benchmark.errors import BenchmarkError
from benchmark.storage import read_table

ROOT = Path(__file__).parents[2]
EXPERIMENTS = 4
NAMES = ["one cell at 0.2", "one cell at 0.5", "n = 60", "reliability 0.2"]


@pytest.mark.parametrize("intervals", ["fisher", pytest.param("bootstrap", marks=pytest.mark.slow)])
def test_few_experiments_show_the_verdicts_that_are_demanded(tmp_path: Path, intervals: Intervals) -> None:
    output = tmp_path / "calibration.csv"
    table = calibrate(2, intervals=intervals, scenarios=NAMES, output=output).set_index("scenario")
    assert table.loc["one cell at 0.2", "reproduced"] == 1.0
    assert table.loc["one cell at 0.5", "refuted"] == 1.0
    assert table.loc["n = 60", "inconclusive"] == 1.0
    assert table.loc["reliability 0.2", "inconclusive"] == 1.0
    assert (table["met"] == 1).all()
    assert (table[list(VERDICTS)].sum(axis=1) == 1).all()
    assert read_table(output)["cells"].tolist() == [280] * 4


EVERY = [scenario.name for scenario in (*SCENARIOS, *GIVEN)]


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_no_demand_is_missed_by_more_than_chance_allows(name: str) -> None:
    """Few experiments cannot show that a demand is met; that it is not, they can."""
    for row in calibrate(EXPERIMENTS, scenarios=[name], resamples=100, seed=1).to_dict("records"):
        for demand in demands(next(s for s in (*SCENARIOS, *GIVEN) if s.name == name))[row["claim"]]:
            count = round(row[demand.verdict] * EXPERIMENTS)
            as_few = stats.binom.cdf(count, EXPERIMENTS, demand.share)
            as_many = stats.binom.sf(count - 1, EXPERIMENTS, 1 / 500)
            assert (as_few if demand.share else as_many) > 1e-4, (row, str(demand))


def test_rows_of_other_scenarios_and_intervals_stay(tmp_path: Path) -> None:
    output = tmp_path / "calibration.csv"
    calibrate(2, scenarios=["n = 200", "n = 60"], output=output, resamples=50)
    calibrate(1, scenarios=["n = 60"], output=output, resamples=50)
    calibrate(1, scenarios=["n = 60"], intervals="bootstrap", output=output, resamples=50)
    table = read_table(output)
    assert table["scenario"].tolist() == ["n = 60", "n = 200", "n = 60"]
    assert table["intervals"].tolist() == ["fisher", "fisher", "bootstrap"]
    assert table["experiments"].tolist() == [1, 2, 1]


def committed() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_table(ROOT / "results" / "calibration.csv", text=("demanded",)).to_dict("records")
    return rows


def test_the_committed_experiments_meet_what_is_demanded_with_either_kind_of_interval() -> None:
    known = {scenario.name: demands(scenario) for scenario in (*SCENARIOS, *GIVEN)}
    for row in committed():
        shares: dict[Verdict, float] = {verdict: row[verdict] for verdict in VERDICTS}
        assert sum(shares.values()) == pytest.approx(1, abs=2e-4)
        assert all(demand.met(shares) for demand in known[row["scenario"]][row["claim"]]), row
        assert row["experiments"] >= 200
    for kind in INTERVALS:
        assert {row["scenario"] for row in committed() if row["intervals"] == kind} >= {*NAMES, "all zero"}


def test_a_run_that_was_stopped_goes_on_and_more_experiments_add_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(experiments: int, **changes: Any) -> Any:
        return calibrate(experiments, scenarios=["n = 60"], resamples=50, **changes)

    simulated, judge = [], calibration._verdicts

    def judged(*told: Any) -> dict[str, Verdict]:
        simulated.append(told[-1])
        return judge(*told)

    monkeypatch.setattr(calibration, "_verdicts", judged)
    run(2, counted=tmp_path)
    again = run(4, counted=tmp_path)
    run(3, counted=tmp_path)
    assert simulated == [0, 1, 2, 3]
    assert again.equals(run(4))
    run(1, counted=tmp_path, intervals="bootstrap")
    assert simulated == [0, 1, 2, 3, 0, 1, 2, 3, 0]


def test_seed_decides() -> None:
    a, b = (calibrate(3, scenarios=["one cell at 0.33"], seed=5, resamples=50) for _ in range(2))
    assert a.equals(b)


def test_a_demand_is_met_or_not() -> None:
    shares = dict.fromkeys(VERDICTS, 0.0) | {"reproduced": 0.95, "refuted": 0.05}
    assert Demand("reproduced", 0.95).met(shares)
    assert not Demand("reproduced", 0.96).met(shares)
    assert not Demand("refuted", 0).met(shares)
    assert Demand("exceeded", 0).met(shares)


def test_every_target_is_simulated_at_its_size() -> None:
    for scenario, demanded in SCENARIOS.items():
        assert scenario.cells == 280
        assert scenario.n in (60, 200, 1000)
        assert demanded or scenario.rho


def test_bad_requests_are_told() -> None:
    with pytest.raises(BenchmarkError, match="unknown scenario 'n = 61'"):
        calibrate(1, scenarios=["n = 61"])
    with pytest.raises(BenchmarkError, match="at least 1"):
        calibrate(0)
