from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis.ranking import spearman
from benchmark.analysis.reliability import split_half
from benchmark.analysis.simulation import Scenario, pearson, simulate


def largest(scenario: Scenario, seed: int) -> float:
    every = simulate(scenario, np.random.default_rng(seed))
    return max(float(np.nanmax(np.abs(spearman(c.scores.T, c.outcome("quality")[None])))) for c in every)


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("rho", [0.33, 0.6])
def test_the_planted_cell_has_its_rho(rho: float, heavy: bool) -> None:
    scenario = Scenario("one", n=4000, rho=rho, heavy=heavy, models=1, datasets=1, masks=1, statistics=3)
    found = np.mean([largest(scenario, seed) for seed in range(5)])
    assert found == pytest.approx(rho, abs=0.025)


def test_ties_weaken_it_but_little() -> None:
    scenario = Scenario("ties", n=4000, rho=0.5, levels=6, models=1, datasets=1, masks=1, statistics=2)
    assert len(np.unique(simulate(scenario, np.random.default_rng(0))[0].scores)) <= 6
    assert 0.45 < largest(scenario, 0) < 0.53


@pytest.mark.parametrize("reliability", [0.2, 0.9])
def test_reliability_is_what_it_says(reliability: float) -> None:
    scenario = Scenario("r", n=6000, reliability=reliability, models=1, datasets=1, masks=1, statistics=1)
    cells = simulate(scenario, np.random.default_rng(0))[0]
    found = split_half(cells.matrix("quality"), 10, np.random.default_rng(1)).value
    assert found == pytest.approx(reliability, abs=0.05)


def test_cells_depend_as_much_as_is_asked() -> None:
    def dependence(shared: float) -> float:
        scenario = Scenario("d", n=1000, shared=shared, models=1, datasets=1)
        scores = simulate(scenario, np.random.default_rng(0))[0].scores
        return float(np.abs(np.asarray(np.corrcoef(scores.T))[np.triu_indices(70, 1)]).mean())

    assert dependence(0.0) < 0.05 < dependence(0.5) < dependence(0.95)


def test_models_share_a_datasets_quality_in_part() -> None:
    first, second, *_ = simulate(Scenario("s", n=4000), np.random.default_rng(0))
    assert first.dataset == second.dataset
    shared = stats.spearmanr(first.outcome("quality"), second.outcome("quality")).statistic
    assert 0.35 < shared < 0.55


def test_pearson_of_a_spearman() -> None:
    assert pearson(0.0) == 0.0
    assert pearson(1.0) == pytest.approx(1.0)
