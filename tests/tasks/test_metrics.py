"""Metrics against worked examples and brute force."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import Example
from benchmark.tasks.metrics import METRICS, get_metric
from benchmark.tasks.metrics.squad import token_f1
from benchmark.tasks.numbers import last_number

WORDS = st.lists(st.sampled_from(["red", "blue", "green", "grey"]), max_size=6)


def generative(*references: str) -> Example:
    return Example("q", f" {references[0]}", references=references)


@pytest.mark.parametrize(
    ("metric", "prediction", "references", "expected"),
    [
        ("exact_match", " blue \n", ("blue",), 1.0),
        ("exact_match", "Blue", ("blue",), 0.0),
        ("exact_match", "two", ("one", "two"), 1.0),
        ("squad_em", "The  Eiffel Tower!", ("eiffel tower",), 1.0),
        ("squad_em", "Eiffel", ("eiffel tower",), 0.0),
        ("squad_f1", "a red fox", ("the red wolf",), 0.5),
        ("squad_f1", "red red fox", ("red fox fox",), 2 / 3),
        ("squad_f1", "the", ("an",), 1.0),
        ("squad_f1", "the", ("fox",), 0.0),
        ("squad_f1", "fox", ("wolf", "red fox"), 2 / 3),
        ("numeric_match", "5 and 7, so #### 1,012", ("1012",), 1.0),
        ("numeric_match", "it is 72.0.", ("72",), 1.0),
        ("numeric_match", "-3", ("3",), 0.0),
        ("numeric_match", "no idea", ("3",), 0.0),
        ("rouge_l", "say fox wolf", ("fox wolf",), 0.8),
        ("rouge_l", "", ("fox",), 0.0),
    ],
)
def test_a_metric_gives_the_worked_value(
    metric: str, prediction: str, references: tuple[str, ...], expected: float
) -> None:
    assert get_metric(metric)(prediction, generative(*references)) == pytest.approx(expected)


def test_accuracy_ignores_surrounding_space_only() -> None:
    example = Example("q", " yes", choices=(" yes", " no"))
    assert [get_metric("accuracy")(text, example) for text in (" yes", "yes", "yess", " no")] == [1, 1, 0, 0]


def test_an_unknown_metric_suggests_the_nearest() -> None:
    with pytest.raises(BenchmarkError, match="did you mean 'rouge_l'"):
        get_metric("rouge_1l")


@pytest.mark.parametrize(("text", "number"), [("1,234.50!", 1234.5), (".5", 0.5), ("none", None), ("4 - 6", 6.0)])
def test_the_last_number_of_a_text(text: str, number: float | None) -> None:
    assert last_number(text) == number


@given(WORDS, WORDS)
def test_rouge_l_is_the_f_measure_of_the_longest_common_subsequence(given_: list[str], wanted: list[str]) -> None:
    longest = max(
        (n for n in range(min(len(given_), len(wanted)) + 1) if any(
            c in set(combinations(wanted, n)) for c in combinations(given_, n))),
        default=0,
    )  # fmt: skip
    expected = 2 * longest / (len(given_) + len(wanted)) if longest else 0.0
    example = Example("q", " x", references=(" ".join(wanted),))
    assert METRICS["rouge_l"](" ".join(given_), example) == pytest.approx(expected)


@given(WORDS, WORDS)
def test_token_f1_is_symmetric_bounded_and_one_for_a_permutation(one: list[str], two: list[str]) -> None:
    score = token_f1(" ".join(one), " ".join(two))
    assert score == pytest.approx(token_f1(" ".join(two), " ".join(one)))
    assert 0 <= score <= 1
    assert (score == 1) == (sorted(one) == sorted(two))
