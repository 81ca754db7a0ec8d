from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.analysis.calibration import SCENARIOS, VERDICTS, Demand, calibrate
from benchmark.errors import BenchmarkError
from benchmark.storage import read_table

NAMES = ["one cell at 0.2", "one cell at 0.5", "n = 60", "reliability 0.2"]


def test_few_experiments_show_the_verdicts_that_are_demanded(tmp_path: Path) -> None:
    output = tmp_path / "calibration.csv"
    table = calibrate(2, scenarios=NAMES, output=output).set_index("scenario")
    assert table.loc["one cell at 0.2", "reproduced"] == 1.0
    assert table.loc["one cell at 0.5", "refuted"] == 1.0
    assert table.loc["n = 60", "inconclusive"] == 1.0
    assert table.loc["reliability 0.2", "inconclusive"] == 1.0
    assert (table["met"] == 1).all()
    assert (table[list(VERDICTS)].sum(axis=1) == 1).all()
    assert read_table(output)["cells"].tolist() == [280] * 4


def test_rows_of_other_scenarios_and_intervals_stay(tmp_path: Path) -> None:
    output = tmp_path / "calibration.csv"
    calibrate(2, scenarios=["n = 60", "n = 200"], output=output, resamples=50)
    calibrate(1, scenarios=["n = 60"], output=output, resamples=50)
    calibrate(1, scenarios=["n = 60"], intervals="bootstrap", output=output, resamples=50)
    table = read_table(output)
    assert table["scenario"].tolist() == ["n = 60", "n = 200", "n = 60"]
    assert table["intervals"].tolist() == ["fisher", "fisher", "bootstrap"]
    assert table["experiments"].tolist() == [1, 2, 1]


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
    for scenario, demands in SCENARIOS.items():
        assert scenario.cells == 280
        assert scenario.n in (60, 200, 1000)
        assert demands or scenario.rho


def test_bad_requests_are_told() -> None:
    with pytest.raises(BenchmarkError, match="unknown scenario 'n = 61'"):
        calibrate(1, scenarios=["n = 61"])
    with pytest.raises(BenchmarkError, match="at least 1"):
        calibrate(0)
