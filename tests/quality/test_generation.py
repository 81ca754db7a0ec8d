"""Answers equal those of greedy decoding one prompt at a time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.generation import Ending, generate
from benchmark.quality.prompts import Prefix, Query, start
from tests.quality import naive
from tests.quality.conftest import make_dataset, make_model
from tests.quality.test_likelihood import Hungry, prompts

LIMIT = 6


def expected_answer(loaded: LoadedModel, prompt: tuple[int, ...], ending: Ending) -> str:
    ids: list[int] = []
    for token in naive.generate(loaded, prompt, ending.limit):
        if token in ending.ends:
            break
        ids.append(token)
        if ending.stop and ending.stop in loaded.tokenizer.decode(ids):
            break
    text = str(loaded.tokenizer.decode(ids, skip_special_tokens=True))
    return text.split(ending.stop)[0] if ending.stop else text


def with_greedy_targets(loaded: LoadedModel, rows: list[Prefix], queries: list[Query]) -> list[Query]:
    """Targets that begin as the model itself would answer behind some prefix: drafts that are right for a while."""
    new = []
    for j, query in enumerate(queries):
        own = naive.generate(loaded, rows[j % len(rows)].ids + query.input, 8)
        target = tuple(own[: 1 + j]) if j % 2 else (*own[:j], 5)
        new.append(dataclasses.replace(query, continuations=(target,)))
    return new


def common_word(loaded: LoadedModel, rows: list[Prefix], queries: list[Query]) -> str:
    """The word that greedy answers hold most often: a stop that occurs."""
    tokens = [token for row in rows for query in queries for token in naive.generate(loaded, row.ids + query.input, 4)]
    return str(loaded.tokenizer.decode([int(np.bincount(tokens).argmax())]))


@pytest.mark.parametrize("drafted", [False, True])
def test_equals_greedy_decoding(loaded: LoadedModel, drafted: bool) -> None:
    rows, queries = prompts(loaded, make_dataset("generative", 4))
    rows = [*rows, Prefix("", start(loaded))]
    if drafted:
        queries = with_greedy_targets(loaded, rows, queries)
    ending = Ending(loaded, common_word(loaded, rows, queries), LIMIT)
    expected = [[expected_answer(loaded, row.ids + query.input, ending) for query in queries] for row in rows]
    lengths = {len(text.split()) for row in expected for text in row}
    assert len(lengths) > 2  # some stop early
    scores = naive.score(loaded, rows, queries)[..., 0]
    for tokens in (1, 60, 4096):
        generated = generate(loaded, rows, queries, ending, Budget(tokens))
        assert [[generated.texts[index] for index in row] for row in generated.answer] == expected
        np.testing.assert_allclose(generated.log_probability, scores, atol=1e-4)


@pytest.mark.parametrize("limit", [1, 5])
def test_an_answer_ends_at_the_limit_or_at_the_end_of_sequence(limit: int) -> None:
    loaded = make_model("qwen2")
    rows, queries = prompts(loaded, make_dataset("generative", 4))
    end = int(loaded.tokenizer.convert_tokens_to_ids(common_word(loaded, rows, queries)))
    loaded.model.generation_config.eos_token_id = end
    ending = Ending(loaded, "", limit)
    generated = generate(loaded, rows, queries, ending, Budget(200))
    for i, row in enumerate(rows):
        for j, query in enumerate(queries):
            assert generated.texts[generated.answer[i, j]] == expected_answer(loaded, row.ids + query.input, ending)


def test_other_architectures() -> None:
    for architecture in ("gpt2", "neox"):
        loaded = make_model(architecture)
        rows, queries = prompts(loaded, make_dataset("generative", 3, 3))
        ending = Ending(loaded, "\n", LIMIT)
        generated = generate(loaded, rows, queries, ending, Budget(100))
        expected = [[expected_answer(loaded, row.ids + query.input, ending) for query in queries] for row in rows]
        assert [[generated.texts[index] for index in row] for row in generated.answer] == expected


def test_out_of_memory_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = make_model("llama")
    rows, queries = prompts(loaded, make_dataset("generative", 4))
    ending = Ending(loaded, "\n", LIMIT)
    plenty = generate(loaded, rows, queries, ending, Budget(2000))
    hungry = Hungry(loaded, 70)
    monkeypatch.setattr(loaded.model.base_model, "forward", hungry)
    scarce = generate(loaded, rows, queries, ending, Budget(2000))
    assert hungry.failures > 0
    assert [scarce.texts[k] for k in scarce.answer.flat] == [plenty.texts[k] for k in plenty.answer.flat]


def test_no_room_for_the_answer_is_an_error() -> None:
    loaded = make_model("llama")
    rows, queries = prompts(loaded, make_dataset("generative", 4))
    with pytest.raises(BenchmarkError, match="tokens, model llama holds 128"):
        generate(loaded, rows, queries, Ending(loaded, "\n", 120), Budget(100))
    with pytest.raises(BenchmarkError, match="max_new_tokens is 0"):
        Ending(loaded, "\n", 0)
