"""What selectors want said, run together, against one plain pass at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.artefacts.prompts import Prompt
from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.asking import MANY, arrange, ask
from benchmark.tasks.dataset import Dataset
from tests.quality import naive
from tests.quality.conftest import make_dataset
from tests.quality.test_answers import before, ids

ZERO_SHOT = [Prompt("choices", (), "pool", i) for i in range(7)]
SHARED = [Prompt("choices", (4, 2), "pool", i) for i in range(7)] + [Prompt("choices", (4, 2), "queries", 1)]
ALONE = [
    Prompt("choices", (6,), "queries", 0),
    Prompt("choices", (5, 1), "queries", 3),
    Prompt("choices", (1,), "pool", 6),
]
INPUTS = [Prompt("input", (3,), "queries", i) for i in (0, 1, 4)] + [Prompt("input", (5, 0), "queries", 1)]


def expected(loaded: LoadedModel, dataset: Dataset, prompt: Prompt) -> list[float]:
    example = (dataset.pool if prompt.of == "pool" else dataset.queries)[prompt.asked]
    shown = before(dataset, list(prompt.members))
    if prompt.read == "input":
        return [naive.log_probability(loaded, ids(loaded, shown), loaded.tokenizer(example.input)["input_ids"])]
    return [
        naive.log_probability(loaded, ids(loaded, shown + example.input), loaded.tokenizer(choice)["input_ids"])
        for choice in example.choices
    ]


@pytest.mark.parametrize("budget", [40, 2000])
def test_every_prompt_says_what_it_says_alone(
    loaded: LoadedModel, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.quality.asking.MANY", 7)
    dataset, asked = make_dataset("phrases"), [*ALONE, *ZERO_SHOT, *INPUTS, *SHARED]
    arranged = arrange(asked)
    assert [len(rows) for rows in arranged.shared] == [7, 8]
    assert arranged.alone == [[0, 2], [1]]
    assert [len(rows) for rows in arranged.inputs] == [3, 1]
    found = ask(loaded, dataset, asked, Budget(budget))
    for prompt, values in zip(asked, found, strict=True):
        wanted = expected(loaded, dataset, prompt)
        np.testing.assert_allclose(values[: len(wanted)], wanted, atol=1e-4)
        assert np.isnan(values[len(wanted) :]).all()


def test_inputs_of_a_generative_task(loaded: LoadedModel) -> None:
    """Two queries of the same input are one branch."""
    dataset = make_dataset("generative")
    dataset = replace(dataset, queries=(*dataset.queries, replace(dataset.queries[0], id="again")))
    asked = [*INPUTS, Prompt("input", (3,), "queries", len(dataset.queries) - 1)]
    found = ask(loaded, dataset, asked, Budget(200))
    assert found.shape == (5, 1)
    assert found[4] == found[0]
    np.testing.assert_allclose(found, [expected(loaded, dataset, prompt) for prompt in asked], atol=1e-4)


def test_few_prompts_share_nothing_and_an_error_names_the_prompt(loaded: LoadedModel) -> None:
    dataset = make_dataset("phrases")
    assert arrange([Prompt("choices", (1,), "queries", 0) for _ in range(MANY - 1)]).shared == []
    long = replace(dataset.pool[0], input=dataset.pool[0].input * 100)
    with pytest.raises(BenchmarkError, match=r"takes .* tokens"):
        ask(
            loaded, replace(dataset, pool=(long, *dataset.pool[1:])), [Prompt("input", (0,), "queries", 0)], Budget(200)
        )
