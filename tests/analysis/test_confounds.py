from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis.confounds import basis, covariates, explained, levels, partial_spearman, residuals
from benchmark.analysis.simulation import Scenario, simulate
from benchmark.analysis.spearman import centred_ranks
from benchmark.artefacts.cells import Cells


@pytest.fixture
def cells() -> Cells:
    return simulate(Scenario("one", n=120, models=1, datasets=1), np.random.default_rng(0))[0]


def test_one_covariate_gives_the_textbook_partial_correlation() -> None:
    rng = np.random.default_rng(1)
    z = rng.standard_normal(80)
    x, y = z + rng.standard_normal(80), z + rng.standard_normal(80)
    a, b, c = (stats.spearmanr(*pair).statistic for pair in ((x, y), (x, z), (y, z)))
    expected = (a - b * c) / np.sqrt((1 - b**2) * (1 - c**2))
    found = partial_spearman(centred_ranks(x)[None], centred_ranks(y)[None], basis(centred_ranks(z)[None]))
    assert found.item() == pytest.approx(expected, abs=1e-12)


def test_a_score_that_is_but_length_has_nothing_left(cells: Cells) -> None:
    rng = np.random.default_rng(2)
    length = rng.permutation(120)
    cells = replace(cells, n_input=length)
    span = basis(covariates(cells))
    ranks = centred_ranks(np.stack([length.astype(float), rng.standard_normal(120)]))
    found = partial_spearman(ranks, ranks[1:], span)
    assert np.isnan(found[0, 0])
    assert found[1, 0] == pytest.approx(1.0)


def test_a_confounded_correlation_vanishes_and_a_true_one_stays(cells: Cells) -> None:
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, 120)
    cells = replace(cells, target=label.astype(np.int32))
    outcome = 3 * label + rng.standard_normal(120)
    confounded, true = 3 * label + rng.standard_normal(120), outcome + rng.standard_normal(120)
    ranks = centred_ranks(np.stack([confounded, true]))
    y = centred_ranks(outcome)[None]
    partial = partial_spearman(ranks, y, basis(covariates(cells)))
    assert abs(stats.spearmanr(confounded, outcome).statistic) > 0.5
    assert abs(partial[0, 0]) < 0.3
    assert partial[1, 0] > 0.45


def test_share_explained_by_a_label_is_that_of_its_group_means() -> None:
    rng = np.random.default_rng(4)
    label = rng.choice(["a", "b", "c"], 90)
    y = centred_ranks(rng.standard_normal(90) + (label == "a"))
    means = np.array([y[label == name].mean() for name in label])
    shares = explained(y[None], levels(label))
    assert shares.covariates == 2
    assert shares.r_squared[0] == pytest.approx((means**2).sum() / (y**2).sum())
    assert shares.adjusted[0] < shares.r_squared[0]


def test_rare_levels_are_one_level() -> None:
    names = np.array(["a"] * 10 + ["b"] * 10 + [f"rare{i}" for i in range(10)])
    assert levels(names).shape == (2, 30)
    assert levels(np.array(["a"] * 30)).shape == (0, 30)


def test_constant_confounds_explain_nothing(cells: Cells) -> None:
    y = centred_ranks(np.random.default_rng(5).standard_normal((1, 120)))
    shares = explained(y, covariates(cells))
    assert shares.covariates == 0
    assert shares.r_squared[0] == pytest.approx(0, abs=1e-12)
    assert np.isnan(explained(np.zeros((1, 120)), covariates(cells)).r_squared[0])


def test_a_row_that_is_constant_but_for_rounding_spans_nothing() -> None:
    rng = np.random.default_rng(11)
    share = np.array([rng.permutation(np.repeat([1.0, 0.0], [10, 60])).mean() for _ in range(400)])
    share[::3] += 2e-16  # 10 of 70, summed in another order
    span = basis(share[None])
    np.testing.assert_allclose(span @ span.T, np.eye(len(span)), atol=1e-12)
    value = rng.standard_normal((1, 400))
    left = residuals(value, span)
    np.testing.assert_allclose(left, value - value.mean(), atol=1e-12)
