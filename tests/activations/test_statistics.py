import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.activations.statistics import COLUMN, STATISTICS, Thresholds, check_names, reference
from benchmark.errors import BenchmarkError

vectors = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(3, 40)), elements=st.floats(-1e4, 1e4, width=32))


@given(vectors)
def test_moments_are_those_of_scipy(rows: np.ndarray) -> None:
    rows = rows + np.linspace(0, 50, rows.shape[1])  # keep clear of near-constant rows, where scipy gives up
    got = reference(rows)
    np.testing.assert_allclose(got[:, COLUMN["mean"]], rows.mean(-1), rtol=1e-12)
    np.testing.assert_allclose(got[:, COLUMN["variance"]], rows.var(-1), rtol=1e-12)
    np.testing.assert_allclose(got[:, COLUMN["skewness"]], scipy.stats.skew(rows, -1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(got[:, COLUMN["kurtosis"]], scipy.stats.kurtosis(rows, -1), rtol=1e-9, atol=1e-12)


@given(vectors)
def test_massive_by_hand(rows: np.ndarray) -> None:
    limits = Thresholds(absolute=10.0, ratio=3.0)
    got = reference(rows, limits)
    for row, values in zip(rows.tolist(), got, strict=True):
        magnitude = sorted(map(abs, row))
        n = len(row)
        median = (magnitude[(n - 1) // 2] + magnitude[n // 2]) / 2
        assert values[COLUMN["max_abs"]] == magnitude[-1]
        assert values[COLUMN["massive_count"]] == sum(m > 10.0 and m > 3.0 * median for m in magnitude)
        if median > 0:
            assert values[COLUMN["max_median_ratio"]] == magnitude[-1] / median


def test_thresholds_are_strict() -> None:
    row = np.array([[1.0, 1.0, 1.0, 50.0, 100.0]])
    count = COLUMN["massive_count"]
    assert reference(row, Thresholds(50.0, 1.0))[0, count] == 1
    assert reference(row, Thresholds(1.0, 50.0))[0, count] == 1
    assert reference(row, Thresholds(49.9, 49.9))[0, count] == 2
    assert reference(row, Thresholds(100.0, 1.0))[0, count] == 0


def test_degenerate_vectors_are_as_defined() -> None:
    rows = np.array([[0.1] * 5, [0.0] * 5, [0, 0, 0, 3.0, 1.0], [1, np.nan, 2, 3, 4], [1, np.inf, 2, 3, 4]])
    got = {name: reference(rows)[:, column] for name, column in COLUMN.items()}
    np.testing.assert_array_equal(got["variance"][:2], [0, 0])
    assert np.isnan(got["skewness"][:2]).all()
    assert np.isnan(got["kurtosis"][:2]).all()
    assert got["max_median_ratio"][0] == 1
    assert np.isnan(got["max_median_ratio"][1])
    assert got["max_median_ratio"][2] == np.inf
    assert np.isnan(reference(rows)[3:]).all()


def test_names_are_checked() -> None:
    check_names(("mlp_output", "residual"), STATISTICS)
    with pytest.raises(BenchmarkError, match="did you mean 'kurtosis'"):
        check_names((), ("curtosis",))
    with pytest.raises(BenchmarkError, match="did you mean 'residual'"):
        check_names(("residuals",), ())
