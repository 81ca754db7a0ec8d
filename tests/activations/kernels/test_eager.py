import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.activations.group import Thresholds
from benchmark.activations.kernels import KERNELS
from benchmark.activations.sequences import Sequences
from benchmark.activations.tiles import TILE_ELEMENTS
from tests.activations.kernels.rows import (
    DTYPES,
    EVERY,
    MASSIVE,
    MOMENTS,
    WIDTHS,
    assert_as_reference,
    awkward_rows,
    in_sequences,
    shared,
)

eager = KERNELS["eager"]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("width", WIDTHS)
def test_awkward_rows(width: int, dtype: torch.dtype) -> None:
    rows = awkward_rows(width, dtype)
    for sequences in (None, in_sequences(len(rows)), shared(len(rows))):
        assert_as_reference(eager, rows, sequences=sequences)


@settings(max_examples=50)
@given(st.integers(1, 40), st.integers(1, 200), st.integers(0, 2**31), st.floats(-50, 50))
def test_any_shape(n: int, width: int, seed: int, mean: float) -> None:
    rows = torch.randn(n, width, generator=torch.Generator().manual_seed(seed)) + mean
    for sequences in (in_sequences(n), shared(n)):
        assert_as_reference(eager, rows, Thresholds(1.0, 2.0), sequences)


def test_many_tiles_and_threads_change_nothing() -> None:
    rows = torch.randn(3 * TILE_ELEMENTS // 500, 500, generator=torch.Generator().manual_seed(2))
    sequences = in_sequences(len(rows))
    assert_as_reference(eager, rows, sequences=sequences)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = eager(rows, sequences, Thresholds(), EVERY)
        torch.set_num_threads(3)
        three = eager(rows, sequences, Thresholds(), EVERY)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(one, three)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_strided_rows(dtype: torch.dtype) -> None:
    whole = awkward_rows(64, dtype)
    for rows in (whole[::2, ::3], whole.t()):
        assert_as_reference(eager, rows, sequences=in_sequences(len(rows)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_non_finite_rows_are_nan_and_leave_other_sequences_alone(value: float, dtype: torch.dtype) -> None:
    rows = torch.randn(6, 33, generator=torch.Generator().manual_seed(3)).to(dtype)
    sequences = Sequences((0, 2, 4, 6))
    clean = eager(rows, sequences, Thresholds(), EVERY)
    rows[2, 0], rows[4, 32] = value, value
    got = eager(rows, sequences, Thresholds(), EVERY)
    assert got[[2, 4]].isnan().all()
    assert torch.equal(got[[0, 1]], clean[[0, 1]])
    assert_as_reference(eager, rows, sequences=sequences)  # in the sequences of the broken ones as well


def test_thresholds_at_equality() -> None:
    rows = torch.tensor([[1.0, 1.0, 1.0, 50.0, 100.0], [0.1, 0.1, 0.1, 0.1, 100.0], [0.3, 0.3, 0.1, 0.1, 200.0]])
    for limits in (Thresholds(100.0, 1.0), Thresholds(1.0, 50.0), Thresholds(50.0, 100.0), Thresholds(1.0, 1000.0)):
        assert_as_reference(eager, rows, limits)
        assert_as_reference(eager, rows, limits, Sequences((0, 3)))


def test_only_what_is_asked_for_in_that_order() -> None:
    rows, sequences = torch.randn(4, 9), Sequences((0, 1, 4))
    both = eager(rows, sequences, Thresholds(), EVERY)
    for names in (MOMENTS, MASSIVE, ("massive_count", "mean"), ("kurtosis",)):
        got = eager(rows, sequences, Thresholds(), names)
        np.testing.assert_array_equal(got, both[:, [EVERY.index(name) for name in names]])
