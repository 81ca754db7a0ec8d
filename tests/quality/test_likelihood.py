"""Scores equal unshared scoring, whatever is batched with what."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.likelihood import score
from benchmark.quality.prompts import Prefix, Query, start
from benchmark.quality.prompts import prompts as build
from benchmark.tasks.dataset import Dataset
from tests.quality import naive
from tests.quality.conftest import make_dataset, make_model

TOLERANCE = 1e-4


def prompts(loaded: LoadedModel, dataset: Dataset, shots: int = 1) -> tuple[list[Prefix], list[Query]]:
    n = len(dataset.pool)
    members = [[(i + k) % n for k in range(shots)] for i in range(n)]
    (grid,) = build(loaded, dataset, members, dataset.queries)
    return [*grid.prefixes], [*grid.queries]


def test_equals_unshared_scoring(loaded: LoadedModel, dataset: Dataset) -> None:
    rows, queries = prompts(loaded, dataset)
    expected = naive.score(loaded, rows, queries)
    assert np.nanstd(expected) > 0.5  # far from a constant
    for tokens in (1, 40, 4096):
        np.testing.assert_allclose(score(loaded, rows, queries, Budget(tokens)), expected, atol=TOLERANCE)


@pytest.mark.parametrize("architecture", ["gpt2", "neox"])
def test_equals_unshared_scoring_for_other_architectures(architecture: str) -> None:
    loaded, dataset = make_model(architecture), make_dataset("phrases")
    rows, queries = prompts(loaded, dataset)
    expected = naive.score(loaded, rows, queries)
    np.testing.assert_allclose(score(loaded, rows, queries, Budget(200)), expected, atol=TOLERANCE)


def test_zero_shot(loaded: LoadedModel, dataset: Dataset) -> None:
    _, queries = prompts(loaded, dataset)
    rows = [Prefix("", start(loaded))]
    expected = naive.score(loaded, rows, queries)
    np.testing.assert_allclose(score(loaded, rows, queries, Budget(64)), expected, atol=TOLERANCE)


def test_several_demonstrations(loaded: LoadedModel, dataset: Dataset) -> None:
    rows, queries = prompts(loaded, dataset, shots=4)
    expected = naive.score(loaded, rows, queries)
    np.testing.assert_allclose(score(loaded, rows, queries, Budget(300)), expected, atol=TOLERANCE)


def test_prefixes_with_and_without_demonstration_together(loaded: LoadedModel, dataset: Dataset) -> None:
    rows, queries = prompts(loaded, dataset)
    rows = [*rows[:3], Prefix("", start(loaded))]
    expected = naive.score(loaded, rows, queries)
    np.testing.assert_allclose(score(loaded, rows, queries, Budget(4096)), expected, atol=TOLERANCE)


def test_order_does_not_matter(loaded: LoadedModel, dataset: Dataset) -> None:
    rows, queries = prompts(loaded, dataset)
    once = score(loaded, rows, queries, Budget(100))
    again = score(loaded, rows[::-1], queries[::-1], Budget(77))
    np.testing.assert_allclose(again[::-1, ::-1], once, atol=TOLERANCE)


def test_same_call_gives_the_same_bits(loaded: LoadedModel, dataset: Dataset) -> None:
    rows, queries = prompts(loaded, dataset)
    np.testing.assert_array_equal(score(loaded, rows, queries, Budget(100)), score(loaded, rows, queries, Budget(100)))


def test_bfloat16_stays_near_float32() -> None:
    dataset = make_dataset("generative")
    exact, rough = make_model("llama"), make_model("llama", torch.bfloat16)
    rows, queries = prompts(exact, dataset)
    difference = score(rough, rows, queries, Budget(64)) - score(exact, rows, queries, Budget(64))
    assert 0 < np.abs(difference).max() < 1.0


def test_padding_is_reported() -> None:
    loaded, dataset = make_model("llama"), make_dataset("classes", 12, 12)
    rows, queries = prompts(loaded, dataset)
    narrow, wide = Budget(1), Budget(10**6)
    for budget in (narrow, wide):
        score(loaded, rows, queries, budget)
    needed = sum(len(row.ids) for row in rows) + len(rows) * sum(len(query.input) for query in queries)
    assert narrow.real == wide.real == needed
    assert narrow.waste == 0 < wide.waste < 1


def test_a_prompt_longer_than_the_context_is_named() -> None:
    loaded, dataset = make_model("llama"), make_dataset("classes")
    rows, queries = prompts(loaded, dataset)
    rows[3] = Prefix("long", rows[3].ids * 20)
    with pytest.raises(BenchmarkError, match=r"candidate long and query q\d+ takes \d+ tokens, model llama holds 128"):
        score(loaded, rows, queries, Budget(64))


def test_a_score_that_is_no_number_is_named() -> None:
    loaded, dataset = make_model("llama"), make_dataset("classes")
    rows, queries = prompts(loaded, dataset)
    unused = {token for ids in (*(row.ids for row in rows[:-1]), *(q.input for q in queries)) for token in ids}
    token = next(token for token in range(1, len(loaded.tokenizer)) if token not in unused)
    rows[-1] = Prefix("odd", (*rows[-1].ids, token))
    with torch.no_grad():
        loaded.model.get_input_embeddings().weight[token] = torch.nan
    with pytest.raises(BenchmarkError, match="candidate odd and query q0 a log-probability of nan"):
        score(loaded, rows, queries, Budget(64))


class Hungry:
    """A model that runs out of memory above some tokens a pass."""

    def __init__(self, loaded: LoadedModel, limit: int) -> None:
        self.limit, self.failures = limit, 0
        self.forward = loaded.model.base_model.forward

    def __call__(self, input_ids: torch.Tensor, **arguments: object) -> object:
        if input_ids.numel() > self.limit:
            self.failures += 1
            raise torch.OutOfMemoryError
        return self.forward(input_ids, **arguments)


def test_out_of_memory_halves_the_budget_and_keeps_it(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = make_model("llama")
    rows, queries = prompts(loaded, dataset)
    expected = score(loaded, rows, queries, Budget(1000))
    hungry = Hungry(loaded, 60)
    monkeypatch.setattr(loaded.model.base_model, "forward", hungry)
    budget = Budget(1000)
    np.testing.assert_allclose(score(loaded, rows, queries, budget), expected, atol=TOLERANCE)
    assert 0 < hungry.failures < 12
    assert 15 < budget.tokens < 130
    failures = hungry.failures
    score(loaded, rows, queries, budget)
    assert hungry.failures <= failures


def test_out_of_memory_for_a_single_prompt_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, dataset = make_model("llama"), make_dataset("classes")
    rows, queries = prompts(loaded, dataset)
    monkeypatch.setattr(loaded.model.base_model, "forward", Hungry(loaded, 2))
    with pytest.raises(BenchmarkError, match="out of memory with a single prompt"):
        score(loaded, rows, queries, Budget(64))
