import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.activations.kernels import choose_kernel
from benchmark.activations.kernels.eager import TILE_ELEMENTS, eager_kernel
from benchmark.activations.statistics import COLUMN, Thresholds
from benchmark.errors import BenchmarkError
from tests.activations.kernels.rows import DTYPES, EVERY, WIDTHS, assert_as_reference, awkward_rows


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("width", WIDTHS)
def test_awkward_rows(width: int, dtype: torch.dtype) -> None:
    assert_as_reference(eager_kernel, awkward_rows(width, dtype))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 200), st.integers(0, 2**31), st.floats(-50, 50))
def test_any_shape(n: int, width: int, seed: int, mean: float) -> None:
    rows = torch.randn(n, width, generator=torch.Generator().manual_seed(seed)) + mean
    assert_as_reference(eager_kernel, rows, Thresholds(1.0, 2.0))


def test_many_tiles_and_threads_change_nothing() -> None:
    rows = torch.randn(3 * TILE_ELEMENTS // 500, 500, generator=torch.Generator().manual_seed(2))
    assert_as_reference(eager_kernel, rows)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = eager_kernel(rows, Thresholds(), EVERY)
        torch.set_num_threads(3)
        three = eager_kernel(rows, Thresholds(), EVERY)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(one, three)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_strided_rows(dtype: torch.dtype) -> None:
    whole = awkward_rows(64, dtype)
    assert_as_reference(eager_kernel, whole[::2, ::3])
    assert_as_reference(eager_kernel, whole.t())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_non_finite_rows_are_nan_and_leave_the_others_alone(value: float, dtype: torch.dtype) -> None:
    rows = torch.randn(6, 33, generator=torch.Generator().manual_seed(3)).to(dtype)
    clean = eager_kernel(rows, Thresholds(), EVERY)
    rows[2, 0], rows[4, 32] = value, value
    got = eager_kernel(rows, Thresholds(), EVERY)
    assert got[[2, 4]].isnan().all()
    assert torch.equal(got[[0, 1, 3, 5]], clean[[0, 1, 3, 5]])


def test_thresholds_at_equality() -> None:
    rows = torch.tensor([[1.0, 1.0, 1.0, 50.0, 100.0], [0.1, 0.1, 0.1, 0.1, 100.0], [0.3, 0.3, 0.1, 0.1, 200.0]])
    for limits in (Thresholds(100.0, 1.0), Thresholds(1.0, 50.0), Thresholds(50.0, 100.0), Thresholds(1.0, 1000.0)):
        assert_as_reference(eager_kernel, rows, limits)


def test_only_what_is_asked_for() -> None:
    rows = torch.randn(4, 9)
    moments = eager_kernel(rows, Thresholds(), frozenset({"moments"}))
    massive = eager_kernel(rows, Thresholds(), frozenset({"massive"}))
    assert np.isnan(moments[:, COLUMN["max_abs"] :].numpy()).all()
    assert np.isnan(massive[:, : COLUMN["max_abs"]].numpy()).all()
    both = eager_kernel(rows, Thresholds(), EVERY)
    assert torch.equal(both, torch.where(moments.isnan(), massive, moments))


def test_unknown_kernel() -> None:
    with pytest.raises(BenchmarkError, match="unknown kernel 'eagre': did you mean 'eager'"):
        choose_kernel("eagre", torch.device("cpu"))
