"""The files of a quality stage: what is written is what is read; what is damaged is named."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.artefacts.matrices import Matrices, gain
from benchmark.artefacts.sets import Sets, read_sets, write_sets
from benchmark.artefacts.uncertainty import read_uncertainty, write_uncertainty
from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, write_arrays


def matrices(n: int = 6, queries: int = 4) -> Matrices:
    rng = np.random.default_rng(0)
    return Matrices(
        log_probability=rng.normal(-3, 1, (n, queries)).astype(np.float32),
        performance=rng.random((n, queries)).astype(np.float32),
        zero_shot_log_probability=rng.normal(-3, 1, queries).astype(np.float32),
        zero_shot_performance=rng.random(queries).astype(np.float32),
        candidates=np.array([f"c{i}" for i in range(n)]),
        queries=np.array([f"q{j}" for j in range(queries)]),
    )


def test_matrices_come_back(tmp_path: Path) -> None:
    made = matrices()
    made.write(tmp_path)
    found = Matrices.read(tmp_path)
    for field in fields(made):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(made, field.name))


def test_the_gain_is_the_difference_rounded() -> None:
    made = matrices()
    exact = np.float64(made.log_probability) - np.float64(made.zero_shot_log_probability)
    assert made.gain.dtype == np.float32
    np.testing.assert_allclose(made.gain, exact, atol=5e-6 + 1e-6)
    assert not np.signbit(gain(np.zeros((1, 1)), np.full(1, 1e-9))).any(), "no negative zero"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"candidates": np.array(["c0"])}, "mixes n: log_probability"),
        ({"zero_shot_performance": np.zeros(3, np.float32)}, "mixes n: zero_shot_performance"),
        ({"zero_shot_log_probability": np.full(4, np.nan, np.float32)}, "at query q0 is nan"),
    ],
)
def test_matrices_at_odds_are_named(tmp_path: Path, change: dict[str, np.ndarray], message: str) -> None:
    replace(matrices(), **change).write(tmp_path)
    with pytest.raises(BenchmarkError, match=message):
        Matrices.read(tmp_path)


def sets(size: int, count: int = 3) -> Sets:
    rng = np.random.default_rng(size)
    members = np.stack([rng.choice(20, size, replace=False) for _ in range(count)])
    return Sets(members, *(rng.random((count, 4)).astype(np.float32) for _ in range(2)))


def test_sets_come_back_the_smallest_first(tmp_path: Path) -> None:
    write_sets(tmp_path, {16: sets(16), 4: sets(4)})
    found = read_sets(tmp_path)
    assert list(found) == [4, 16]
    np.testing.assert_array_equal(found[16].members, sets(16).members)
    np.testing.assert_array_equal(found[4].performance, sets(4).performance)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"performance_4": None}, "lacks performance_4"),
        ({"performance_4": np.full((3, 4), np.inf)}, "not finite"),
        ({"members_4": np.zeros((3, 2), int)}, "not as many or as large"),
    ],
)
def test_sets_at_odds_are_named(tmp_path: Path, change: dict[str, np.ndarray | None], message: str) -> None:
    write_sets(tmp_path, {4: sets(4)})
    arrays = {**read_arrays(tmp_path / "sets.npz"), **change}
    write_arrays(tmp_path / "sets.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(BenchmarkError, match=message):
        read_sets(tmp_path)


def test_an_id_that_looks_like_a_number_stays_text(tmp_path: Path) -> None:
    table = pd.DataFrame({"candidate": ["007"], "perplexity": 1.0, "predictive_entropy": 0.5})
    write_uncertainty(tmp_path, table.assign(target_log_probability=-1.0))
    assert read_uncertainty(tmp_path)["candidate"].tolist() == ["007"]
