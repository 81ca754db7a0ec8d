from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from benchmark.analysis.paired import holm, paired_t


@given(arrays.arrays(float, st.tuples(st.integers(1, 4), st.integers(2, 9)), elements=st.floats(-5, 5)))
def test_as_scipy_where_differences_differ(differences: np.ndarray) -> None:
    found = np.stack(paired_t(differences), axis=1)
    for row, (mean, low, high, p) in zip(differences, found, strict=True):
        assert mean == pytest.approx(row.mean(), abs=1e-12)
        if row.std() < 1e-6:
            continue
        test = stats.ttest_1samp(row, 0, alternative="greater")
        limits = stats.ttest_1samp(row, 0).confidence_interval(0.95)
        assert p == pytest.approx(test.pvalue, rel=1e-6)
        assert (low, high) == pytest.approx((limits.low, limits.high), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("value", "expected"), [(0.2, 0), (0.0, 1), (-0.2, 1)])
def test_the_same_difference_everywhere(value: float, expected: float) -> None:
    mean, low, high, p = paired_t(np.full(5, value))
    assert (mean, low, high) == pytest.approx((value, value, value))
    assert p == expected


def test_what_is_missing_is_left_out_and_one_unit_tests_nothing() -> None:
    some = paired_t(np.array([0.1, np.nan, 0.4, 0.2]))
    np.testing.assert_allclose(some, paired_t(np.array([0.1, 0.4, 0.2])))
    mean, *rest = paired_t(np.array([0.3, np.nan]))
    assert mean == 0.3
    assert np.isnan(rest).all()
    assert np.isnan(paired_t(np.array([np.nan, np.nan]))).all()


def test_holm_is_the_largest_of_the_steps_before() -> None:
    assert holm(np.array([0.04, 0.01, 0.03])).tolist() == pytest.approx([0.06, 0.03, 0.06])
    assert holm(np.array([0.5, 0.9])).tolist() == [1.0, 1.0]
    assert holm(np.array([0.04, np.nan, 0.01])).tolist() == pytest.approx([0.04, np.nan, 0.02], nan_ok=True)
