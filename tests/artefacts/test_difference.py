from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.artefacts.difference import differences

A: dict[str, Any] = {"x": 0.1, "y": [1, 2], "z": None, "w": {"v": True}}


@pytest.mark.parametrize(
    ("change", "where", "size"),
    [
        ({"x": 0.1 + 1e-5}, "x", 1e-5),
        ({"y": [1, 3]}, "y[1]", np.inf),
        ({"y": [1]}, "y", np.inf),
        ({"w": {"v": 1}}, "w.v", np.inf),
        ({"w": {}}, "w.v", np.inf),
        ({"x": None}, "x", np.inf),
        ({"more": 1}, "more", np.inf),
    ],
)
def test_each_difference_says_where_and_how_much(change: dict[str, Any], where: str, size: float) -> None:
    (found,) = differences(A | change, A)
    assert found.where == where
    assert found.size == pytest.approx(size)


def test_equal_values_do_not_differ() -> None:
    assert list(differences(A, {**A, "w": {"v": True}})) == []
    x = np.array([1.0, np.nan, np.inf])
    assert list(differences({"x": x}, {"x": x.copy()})) == []


def test_of_an_array_the_largest_is_named() -> None:
    one, other = np.zeros((2, 3)), np.zeros((2, 3))
    other[1, 2], other[0, 1] = 0.5, 0.25
    (found,) = differences(one, other)
    assert (found.index, found.size) == ((1, 2), 0.5)


def test_numbers_beyond_one_count_in_their_own_size() -> None:
    (found,) = differences(1000.0, 1001.0)
    assert found.size == pytest.approx(1 / 1001)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_none_on_one_side_is_infinitely_far(value: float) -> None:
    (found,) = differences(pd.DataFrame({"a": [1.0]}), pd.DataFrame({"a": [value]}))
    assert (found.where, found.size) == ("a", np.inf)
