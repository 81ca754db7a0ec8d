"""Prompts with demonstrations of their own, against one plain pass at a time."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.answers import answer, score_lists
from benchmark.quality.quality import score_sets
from benchmark.tasks.dataset import Dataset
from tests.quality import naive
from tests.quality.conftest import make_dataset

MEMBERS = np.array([[0, 1], [4, 2], [6, 5], [3, 0], [0, 1]])


def ids(loaded: LoadedModel, text: str) -> list[int]:
    first = [int(loaded.tokenizer.bos_token_id)] if loaded.add_bos else []
    return [*first, *loaded.tokenizer(text, add_special_tokens=False)["input_ids"]]


def before(dataset: Dataset, row: list[int]) -> str:
    return "".join(dataset.pool[i].input + dataset.pool[i].target + "\n" for i in row)


def test_a_list_for_each_query_scores_as_a_set_does_for_that_query(loaded: LoadedModel, dataset: Dataset) -> None:
    log_probability, performance = score_lists(loaded, dataset, MEMBERS, dataset.queries, Budget(200))
    expected = score_sets(loaded, dataset, MEMBERS, range(5))
    np.testing.assert_allclose(log_probability, np.diag(expected[0]), atol=1e-4)
    np.testing.assert_array_equal(performance, np.diag(expected[1]))


@pytest.mark.parametrize("shots", [0, 2])
def test_choices_are_scored_one_by_one(loaded: LoadedModel, shots: int) -> None:
    dataset = make_dataset("phrases")
    members = MEMBERS[:, :shots]
    found = answer(loaded, dataset, members, dataset.queries, "choices", Budget(200))
    assert found.shape == (5, 3)
    for row, example, values in zip(members.tolist(), dataset.queries, found, strict=True):
        prompt = ids(loaded, before(dataset, row) + example.input)
        expected = [
            naive.log_probability(loaded, prompt, loaded.tokenizer(choice)["input_ids"]) for choice in example.choices
        ]
        np.testing.assert_allclose(values[: len(expected)], expected, atol=1e-4)
        assert np.isnan(values[len(expected) :]).all()


def test_an_input_is_scored_after_its_demonstrations(loaded: LoadedModel, dataset: Dataset) -> None:
    members = MEMBERS[:, :1]
    found = answer(loaded, dataset, members, dataset.queries, "input", Budget(200))
    assert found.shape == (5, 1)
    for row, example, value in zip(members.tolist(), dataset.queries, found[:, 0], strict=True):
        tokens = loaded.tokenizer(example.input)["input_ids"]
        expected = naive.log_probability(loaded, ids(loaded, before(dataset, row)), tokens)
        assert value == pytest.approx(expected, abs=1e-4)
