"""The competence table against values that were worked out by hand, and the label's share against a loop."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.artefacts.matrices import Matrices
from benchmark.artefacts.sets import Sets
from benchmark.competence import competence, label_share
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example

CHOICES = (" yes", " no")


def examples(name: str, targets: str) -> tuple[Example, ...]:
    return tuple(
        Example(id=f"{name}{i}", input=f"{name} {i}:", target=CHOICES[target == "n"], choices=CHOICES)
        for i, target in enumerate(targets)
    )


def dataset(pool: str, queries: str) -> Dataset:
    return Dataset(
        name="d",
        kind="classification",
        metric="accuracy",
        separator="\n",
        stop="\n",
        max_new_tokens=1,
        pool=examples("c", pool),
        queries=examples("q", queries),
    )


def generative() -> Dataset:
    pool, queries = (
        tuple(Example(id=f"{name}{i}", input=f"{name}{i}:", target=" a", references=(" a",)) for i in range(2))
        for name in "cq"
    )
    return Dataset("g", "generative", "exact_match", "\n", "\n", 1, pool, queries)


def test_a_row_for_each_number_of_shots() -> None:
    data = dataset("yn", "yyn")
    matrices = Matrices(
        log_probability=np.array([[-1, -2, -3], [-3, -4, -5]], np.float32),
        performance=np.array([[1, 0, 0], [1, 1, 0]], np.float32),
        zero_shot_log_probability=np.array([-6, -6, -9], np.float32),
        zero_shot_performance=np.array([0, 0, 1], np.float32),
        candidates=np.array(["c0", "c1"]),
        queries=np.array(["q0", "q1", "q2"]),
    )
    four = Sets(np.zeros((1, 4), np.int64), np.array([[-1, -1, -1]], np.float32), np.array([[1, 1, 0]], np.float32))
    table = competence(data, matrices, {4: four})
    assert table["shots"].tolist() == [0, 1, 4]
    assert table["prompts"].tolist() == [1, 2, 1]
    assert table["queries"].tolist() == [3, 3, 3]
    assert table["performance"].tolist() == pytest.approx([1 / 3, 1 / 2, 2 / 3])
    assert table["log_probability"].tolist() == pytest.approx([-7, -3, -1])
    assert table["majority"].tolist() == pytest.approx([2 / 3] * 3)
    assert table["label_share"].notna().tolist() == [False, True, False]


def test_the_label_explains_all_or_nothing() -> None:
    data = dataset("ynyn", "yn")
    same = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    assert label_share(data, same - 5) == pytest.approx(1)
    assert label_share(data, np.array([[0, 0], [0, 0], [1, 1], [1, 1]], np.float32)) == pytest.approx(0)


def test_the_label_share_equals_a_loop_over_queries() -> None:
    data = dataset("ynnynnyyn", "ynnyn")
    values = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    between = total = 0.0
    for j, query in enumerate(data.queries):
        column = values[:, j].astype(float)
        total += len(column) * column.var()
        for fits in (True, False):
            group = [column[i] for i, shown in enumerate(data.pool) if (shown.target == query.target) == fits]
            between += len(group) * (np.mean(group) - column.mean()) ** 2
    assert label_share(data, values) == pytest.approx(between / total, rel=1e-6)


def test_a_label_that_no_candidate_shows_takes_no_part() -> None:
    assert 0 <= label_share(dataset("yyy", "yn"), np.random.default_rng(0).normal(size=(3, 2))) <= 1


def test_undefined_for_answers_without_labels_and_for_a_constant() -> None:
    assert np.isnan(label_share(generative(), np.zeros((2, 2))))
    assert np.isnan(label_share(dataset("yn", "yn"), np.full((2, 2), -1.0)))
