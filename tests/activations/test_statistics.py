from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.activations import statistics
from benchmark.activations.group import Group, Thresholds
from benchmark.activations.statistics import GROUPS, STATISTICS, groups_of, reference
from benchmark.discovery import discover
from benchmark.errors import BenchmarkError
from tests.activations.kernels.rows import EVERY, MOMENTS, in_sequences

vectors = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(3, 40)), elements=st.floats(-1e4, 1e4, width=32))


@pytest.mark.parametrize("name", GROUPS)
def test_the_contract_of_a_group(name: str) -> None:
    """Every registered group: its columns in reference and kernels, one number an entry, equal to 1e-4."""
    group = GROUPS[name]
    assert group.columns
    others = [column for other in GROUPS.values() if other is not group for column in other.columns]
    assert not set(group.columns) & set(others)
    assert all(group.columns.values())
    rows = torch.randn(40, 24, generator=torch.Generator().manual_seed(0))
    sequences = in_sequences(len(rows))
    got = group.eager(rows, sequences, Thresholds(1.0, 2.0))
    assert got.dtype == torch.float64
    assert got.shape == (len(sequences.row), len(group.columns))
    want = [
        group.reference(rows[a:b].double().numpy(), Thresholds(1.0, 2.0))
        for a, b in zip(sequences.bounds, sequences.bounds[1:], strict=False)
    ]
    np.testing.assert_allclose(got, np.concatenate(want)[sequences.wanted], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(group.compiled(rows, sequences, Thresholds(1.0, 2.0)), got, rtol=1e-4, atol=1e-5)
    rows[3, 5] = torch.nan
    assert group.eager(rows, sequences, Thresholds())[sequences.row == 3].isnan().all()
    assert [statistic.group for statistic in STATISTICS.values()].count(group) == len(group.columns)


def test_a_file_that_defines_no_group_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.py").write_text("GRUOP = 1\n")
    monkeypatch.setattr(statistics, "__path__", [*statistics.__path__, str(tmp_path)])
    with pytest.raises(BenchmarkError, match=r"statistics/empty\.py defines no Group: call it GROUP"):
        discover(statistics.__name__, statistics.__path__, "GROUP", Group)  # type: ignore[type-abstract]


ADDED = """
import numpy as np
from benchmark.activations.group import Group

class Norms(Group):
    columns = {"l2": "Euclidean norm"}

    def reference(self, sequence, thresholds):
        return np.linalg.norm(sequence, axis=-1)[:, None]

    def eager(self, rows, sequences, thresholds):
        return sequences.each_row(rows, lambda x: x.double().norm(dim=-1)[:, None])

GROUP = Norms()
"""


def test_a_file_is_all_that_a_group_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted_by_a_test.py").write_text(ADDED)  # no name that someone would give theirs
    monkeypatch.setattr(statistics, "__path__", [*statistics.__path__, str(tmp_path)])
    found = discover(statistics.__name__, statistics.__path__, "GROUP", Group)  # type: ignore[type-abstract]
    assert found.keys() - GROUPS.keys() == {"planted_by_a_test"}
    rows = torch.randn(4, 9)
    want = found["planted_by_a_test"].reference(rows.double().numpy(), Thresholds())
    np.testing.assert_allclose(
        found["planted_by_a_test"].eager(rows, in_sequences(4), Thresholds()), np.delete(want, 3, 0)
    )


@given(vectors)
def test_moments_are_those_of_scipy(rows: np.ndarray) -> None:
    rows = rows + np.linspace(0, 50, rows.shape[1])  # keep clear of near-constant rows, where scipy gives up
    mean, variance, skewness, kurtosis = reference(rows, MOMENTS).T
    np.testing.assert_allclose(mean, rows.mean(-1), rtol=1e-12)
    np.testing.assert_allclose(variance, rows.var(-1), rtol=1e-12)
    np.testing.assert_allclose(skewness, scipy.stats.skew(rows, -1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(kurtosis, scipy.stats.kurtosis(rows, -1), rtol=1e-9, atol=1e-12)


@given(vectors)
def test_massive_by_hand(rows: np.ndarray) -> None:
    """The token's median is numpy's; the sequence's is `torch.median`'s, the lower of two in the middle."""
    names = ("max_abs", "max_median_ratio", "max_sequence_ratio", "massive_count")
    got = reference(rows, names, Thresholds(absolute=10.0, ratio=3.0))
    whole = torch.from_numpy(rows).abs().median().item()
    for row, (peak, own, sequence, count) in zip(rows.tolist(), got, strict=True):
        magnitude = sorted(map(abs, row))
        n = len(row)
        median = (magnitude[(n - 1) // 2] + magnitude[n // 2]) / 2
        assert peak == magnitude[-1]
        assert count == sum(m > 10.0 and m > 3.0 * whole for m in magnitude)
        if median > 0:
            assert own == magnitude[-1] / median
        if whole > 0:
            assert sequence == magnitude[-1] / whole


def test_a_massive_activation_that_its_own_token_hides() -> None:
    """As on a real model: the token that holds it is large throughout, so its own median gives no ratio of 1000."""
    sequence = np.ones((8, 16))
    sequence[0] = 50.0
    sequence[0, 5] = 24000.0
    own, whole, count = reference(sequence, ("max_median_ratio", "max_sequence_ratio", "massive_count"))[0]
    assert (own, whole, count) == (480.0, 24000.0, 1.0)


def test_thresholds_are_strict() -> None:
    row = np.array([[1.0, 1.0, 1.0, 50.0, 100.0]])

    def count(absolute: float, ratio: float) -> float:
        return float(reference(row, ("massive_count",), Thresholds(absolute, ratio))[0, 0])

    assert count(50.0, 1.0) == 1
    assert count(1.0, 50.0) == 1
    assert count(49.9, 49.9) == 2
    assert count(100.0, 1.0) == 0


def test_degenerate_vectors_are_as_defined() -> None:
    rows = np.array([[0.1] * 5, [0.0] * 5, [0, 0, 0, 3.0, 1.0], [1, np.nan, 2, 3, 4], [1, np.inf, 2, 3, 4]])
    got = dict(zip(EVERY, np.concatenate([reference(row[None], EVERY) for row in rows]).T, strict=True))
    np.testing.assert_array_equal(got["variance"][:2], [0, 0])
    assert np.isnan(got["skewness"][:2]).all()
    assert np.isnan(got["kurtosis"][:2]).all()
    for name in ("max_median_ratio", "max_sequence_ratio"):
        assert got[name][0] == 1
        assert np.isnan(got[name][1])
        assert got[name][2] == np.inf
    assert all(np.isnan(got[name][3:]).all() for name in EVERY)
    together = reference(rows, ("max_sequence_ratio",))[:, 0]  # median of 25 values, two of them not finite: 0.1
    np.testing.assert_allclose(together[:3], [1, 0, 30])


def test_names_are_checked() -> None:
    assert groups_of(("massive_count", "mean", "max_abs")) == (GROUPS["massive"], GROUPS["moments"])
    with pytest.raises(BenchmarkError, match="did you mean 'kurtosis'"):
        groups_of(("curtosis",))
