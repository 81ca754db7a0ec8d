from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.analysis.controls import Control, control_table, massive_controls, planted_score
from benchmark.analysis.parameters import ControlParameters
from benchmark.errors import BenchmarkError

PARAMETERS = ControlParameters()


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["continuous", "tied"])
def test_planted_score_has_the_rho_it_should(rho: float, kind: str) -> None:
    rng = np.random.default_rng(0)
    outcome = rng.standard_normal(200) if kind == "continuous" else rng.integers(0, 12, 200).astype(float)
    assert stats.spearmanr(planted_score(outcome, rho, rng), outcome).statistic == pytest.approx(rho, abs=2e-3)


def test_planted_score_depends_on_its_generator_alone() -> None:
    outcome = np.random.default_rng(1).standard_normal(50)
    a, b = (planted_score(outcome, 0.6, np.random.default_rng(2)) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def planted(**after: float) -> pd.DataFrame:
    rows = [
        {
            "model": "a",
            "mask": "causal",
            "statistic": s,
            "layer": layer,
            "before": 2.0,
            "after": after[s] if layer else 2.0,
        }
        for s in after
        for layer in (0, 1)
    ]
    return pd.DataFrame(rows)


def test_a_massive_dimension_is_seen_in_the_layer_that_has_it() -> None:
    controls = massive_controls(
        planted(max_abs=50.0, max_median_ratio=4.0, massive_count=3.0, mean=2.0), ["a"], PARAMETERS
    )
    assert [c.statistic for c in controls] == ["max_abs", "max_median_ratio", "massive_count"]
    assert all(c.passed for c in controls)
    assert controls[0].value == 25.0
    assert controls[0].note == "times as large in layer 1"


def test_a_blind_statistic_fails() -> None:
    controls = massive_controls(planted(max_abs=3.0, massive_count=2.0), ["a"], PARAMETERS)
    assert [c.passed for c in controls] == [False, False]


def test_a_first_massive_activation_is_seen() -> None:
    rows = [{"model": "a", "mask": "causal", "statistic": "massive_count", "layer": 0, "before": 0.0, "after": 0.5}]
    assert massive_controls(pd.DataFrame(rows), ["a"], PARAMETERS)[0].passed


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f.assign(model="b"), "disagree about model a"),
        (lambda f: f[f["statistic"] == "mean"], "has no max_abs"),
    ],
)
def test_a_bad_table_is_an_error(spoil: object, message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        massive_controls(spoil(planted(max_abs=9.0, mean=2.0)), ["a"], PARAMETERS)  # type: ignore[operator]


def test_table_tells_failed_from_not_run() -> None:
    controls = [Control(control="c", model="m", passed=passed) for passed in (True, False, None)]
    table = control_table(controls)
    assert table["passed"].tolist()[:2] == [1, 0]
    assert table["passed"].isna().tolist() == [False, False, True]
