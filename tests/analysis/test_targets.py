from __future__ import annotations

from benchmark.analysis.targets import identify
from benchmark.tasks.example import Example


def examples(*targets: str, label: str = "") -> list[Example]:
    return [Example(f"input {i}", text, references=(text,), label=label, id=f"c{i}") for i, text in enumerate(targets)]


def test_a_shared_text_is_one_target_and_queries_use_the_same_numbers() -> None:
    found = identify(examples(" a", " b", " a", " b"), examples(" b", " c", " a"))
    assert found.pool.tolist() == [0, 1, 0, 1]
    assert found.queries.tolist() == [1, 2, 0]
    assert not found.problem


def test_a_label_stands_for_texts_that_nobody_shares() -> None:
    pool = [*examples(" one", " two", label="number"), *examples(" red", " green", label="colour")]
    found = identify(pool, examples(" three", label="number"))
    assert found.pool.tolist() == [0, 0, 1, 1]
    assert found.queries.tolist() == [0]
    assert not found.problem


def test_targets_that_nearly_all_differ_are_said_to() -> None:
    found = identify(examples(" a", " a", " b", " c", " d"), [])
    assert found.problem == "nearly all targets differ: 3 of 5 candidates have one of their own"


def test_one_target_with_two_labels_is_said_to_be_at_odds() -> None:
    pool = [*examples(" a", " b", label="x"), *examples(" a", " b", label="y")]
    assert identify(pool, []).problem == "label and target disagree: ' a' has the labels x, y"
