from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.selection import UndefinedError
from benchmark.selection.selector import Direction, top


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=12).filter(lambda v: len(set(v)) > 1), st.data())
def test_top_takes_the_extreme_values(values: list[int], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(values)))
    direction: Direction = data.draw(st.sampled_from(["highest", "lowest"]))
    chosen = top(np.array(values, dtype=np.float64), k, direction, np.random.default_rng(0))
    assert [values[i] for i in chosen] == sorted(values, reverse=direction == "highest")[:k]
    assert len(set(chosen.tolist())) == k


def test_ties_are_broken_evenly() -> None:
    values = np.array([0.0, 1.0, 1.0, 1.0])
    generator = np.random.default_rng(1)
    first = [int(top(values, 1, "highest", generator)[0]) for _ in range(3000)]
    assert np.bincount(first, minlength=4) == pytest.approx([0, 1000, 1000, 1000], abs=120)


def test_last_digits_decide_nothing() -> None:
    exact = np.repeat(np.linspace(-1.0, 1.0, 5), 4)
    chosen = []
    for processor in range(20):
        noise = np.random.default_rng(processor).normal(scale=1e-6, size=len(exact))
        chosen.append(top(exact + noise, 2, "lowest", np.random.default_rng(3)).tolist())
    assert chosen == [top(exact, 2, "lowest", np.random.default_rng(3)).tolist()] * 20
    assert top(exact + 1e-4 * np.arange(len(exact)), 2, "lowest", np.random.default_rng(3)).tolist() == [0, 1]


@pytest.mark.parametrize("values", [[2.0, 2.0, 2.0], [1.0, np.nan, 2.0], [np.inf, 1.0, 2.0]])
def test_values_that_tell_nothing_are_undefined(values: list[float]) -> None:
    with pytest.raises(UndefinedError):
        top(np.array(values), 1, "highest", np.random.default_rng(0))
