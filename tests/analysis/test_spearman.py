from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from benchmark.analysis.ranking import rank, spearman
from benchmark.analysis.spearman import (
    centred_ranks,
    fisher_interval,
    p_values,
    standard_error,
)

TIED = arrays(np.float64, (3, 12), elements=st.integers(-3, 3).map(float))
CONTINUOUS = arrays(np.float64, (3, 12), elements=st.floats(-1e6, 1e6))


@settings(max_examples=60)
@given(TIED | CONTINUOUS, TIED)
def test_agrees_with_scipy_ties_included(x: np.ndarray, y: np.ndarray) -> None:
    rho = spearman(x, y)
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            if np.ptp(a) == 0 or np.ptp(b) == 0:
                assert np.isnan(rho[i, j])
            else:
                expected = stats.spearmanr(a, b)
                assert rho[i, j] == pytest.approx(expected.statistic, abs=1e-12)
                if abs(rho[i, j]) < 1 - 1e-9:  # at 1, scipy's p depends on its last digit
                    assert p_values(rho[i, j], 12) == pytest.approx(expected.pvalue, abs=1e-12)


@given(TIED | CONTINUOUS)
def test_ranks_are_whole_and_sum_to_zero(x: np.ndarray) -> None:
    ranks = centred_ranks(x)
    np.testing.assert_array_equal(ranks, 2 * stats.rankdata(x, axis=1) - 13)
    np.testing.assert_array_equal(ranks.sum(axis=1), 0)


@given(TIED, st.permutations(range(12)))
def test_order_of_candidates_does_not_matter(x: np.ndarray, order: list[int]) -> None:
    np.testing.assert_array_equal(spearman(x, x[::-1]), spearman(x[:, order], x[::-1][:, order]))


def test_itself_is_exactly_one() -> None:
    x = np.random.default_rng(0).integers(0, 50, (40, 997)).astype(float)
    assert (np.diag(spearman(x, x)) == 1.0).all()
    assert (np.diag(spearman(x, -x)) == -1.0).all()


def test_a_monotone_change_of_scale_changes_nothing() -> None:
    x = np.random.default_rng(0).standard_normal((5, 100))
    np.testing.assert_array_equal(spearman(np.exp(3 * x), x[:2]), spearman(x, x[:2]))


def test_what_has_no_rank_is_undefined_for_a_reason() -> None:
    columns = np.array([[1.0, 2, 3, 4], [5, 5, 5, 5], [1, np.nan, 3, 4], [1, np.inf, 3, 4]])
    ranking = rank(columns, columns[:1])
    assert ranking.score_reasons == ["", "constant", "not finite", "not finite"]
    np.testing.assert_array_equal(np.isnan(ranking.rho)[:, 0], [False, True, True, True])
    assert rank(columns[:, :3], columns[:1, :3]).score_reasons == ["fewer than 4 observations"] * 4


@pytest.mark.parametrize(("rho", "n"), [(0.0, 50), (0.3, 100), (-0.6, 400)])
def test_fisher_interval_is_centred_on_z(rho: float, n: int) -> None:
    low, high = fisher_interval(rho, n, 0.05)
    assert np.arctanh([low, high]).mean() == pytest.approx(np.arctanh(rho))
    assert np.arctanh(high) - np.arctanh(rho) == pytest.approx(1.959964 * np.sqrt((1 + rho**2 / 2) / (n - 3)), rel=1e-6)


def test_standard_error_is_that_of_simulated_samples() -> None:
    rng, n, r = np.random.default_rng(1), 200, 2 * np.sin(np.pi * 0.5 / 6)
    x = rng.standard_normal((3000, n))
    y = r * x + np.sqrt(1 - r**2) * rng.standard_normal((3000, n))
    a, b = centred_ranks(x), centred_ranks(y)
    rho = np.einsum("sn,sn->s", a, b) / np.einsum("sn,sn->s", a, a)
    assert np.arctanh(rho).std() == pytest.approx(float(standard_error(0.5, n)), rel=0.05)
