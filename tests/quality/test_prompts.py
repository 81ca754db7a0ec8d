"""Tokens and scores are those of whole prompts, whatever a tokenizer merges."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.models.loading import LoadedModel, prefix_of
from benchmark.quality.generation import Ending
from benchmark.quality.prompts import prompts, start
from benchmark.quality.quality import measure_quality, score_sets, zero_shot
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example
from benchmark.tasks.metrics import METRICS
from tests.quality import naive
from tests.quality.conftest import make_dataset as words_dataset
from tests.quality.conftest import make_model as words_model
from tests.quality.families import FAMILIES, FIRST, make_dataset, make_model, make_tokenizer
from tests.quality.test_generation import expected_answer

SEPARATORS = ("\n\n", "\n", " ", "", "\n###\n")


def split(loaded: LoadedModel, before: str, target: str) -> tuple[list[int], int]:
    """Ids of the whole prompt, and how many come before the first that holds a character of the target."""
    tokenizer = loaded.tokenizer
    first = tokenizer.convert_tokens_to_ids(FIRST.get(loaded.name, ()))
    encoded = tokenizer(before + target, add_special_tokens=False, return_offsets_mapping=True)
    n = next(k for k, (_, end) in enumerate(encoded["offset_mapping"]) if end > len(before))
    return [*first, *encoded["input_ids"]], len(first) + n


def expected(
    loaded: LoadedModel, dataset: Dataset, members: list[list[int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """log p of the gold target and performance, [row, query], each prompt by a plain pass over all of it."""
    gold, performance = (np.empty((len(members), len(dataset.queries))) for _ in range(2))
    ending = Ending(loaded, dataset.stop, dataset.max_new_tokens)
    for i, row in enumerate(members):
        shots = [dataset.pool[index] for index in row]
        text = "".join(shot.input + shot.target + dataset.separator for shot in shots)
        for j, query in enumerate(dataset.queries):
            whole = [split(loaded, text + query.input, choice) for choice in query.choices or (query.target,)]
            n = min(count for _, count in whole)
            scores = [naive.log_probability(loaded, ids[:n], ids[n:]) for ids, _ in whole]
            gold[i, j] = scores[query.gold if query.choices else 0]
            if query.choices:
                answer = query.choices[int(np.argmax(scores))]
            else:
                answer = expected_answer(loaded, tuple(whole[0][0][:n]), ending)
            performance[i, j] = METRICS[dataset.metric](answer, query)
    return gold, performance


@pytest.fixture(scope="module", params=FAMILIES)
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    return make_model(request.param)


@pytest.mark.parametrize(
    ("kind", "separator"), [*(("classification", separator) for separator in SEPARATORS), ("generative", "\n")]
)
def test_scores_are_those_of_whole_prompts(loaded: LoadedModel, kind: str, separator: str) -> None:
    dataset = make_dataset(kind, separator)
    gold, performance = expected(loaded, dataset, [[index] for index in range(5)])
    shard = measure_quality(loaded, dataset, range(5), 300)
    np.testing.assert_allclose(shard.log_probability, gold, atol=1e-4)
    np.testing.assert_array_equal(shard.performance, performance)


@pytest.mark.parametrize("kind", ["classification", "generative"])
def test_four_shots_and_none(loaded: LoadedModel, kind: str) -> None:
    dataset = make_dataset(kind, "\n\n")
    members = [[0, 3, 1, 5], [0, 3, 2, 4], [5, 4, 3, 2]]
    gold, performance = expected(loaded, dataset, members)
    found = score_sets(loaded, dataset, members, range(3), 500)
    np.testing.assert_allclose(found[0], gold, atol=1e-4)
    np.testing.assert_array_equal(found[1], performance)
    gold, performance = expected(loaded, dataset, [[]])
    zero = zero_shot(loaded, dataset)
    np.testing.assert_allclose(zero.log_probability, gold, atol=1e-4)
    np.testing.assert_array_equal(zero.performance, performance)


def test_what_the_tokenizer_puts_first_is_kept() -> None:
    loaded = make_model("glm")
    first = tuple(loaded.tokenizer.convert_tokens_to_ids(["[gMASK]", "<sop>"]))
    assert start(loaded) == first
    rows: tuple[list[list[int]], ...] = ([[0], [1]], [[]])
    for members in rows:
        for grid in prompts(
            loaded, make_dataset("generative", "\n"), members, make_dataset("generative", "\n").queries
        ):
            assert all((prefix.ids + query.input)[:2] == first for prefix in grid.prefixes for query in grid.queries)


@pytest.mark.parametrize("family", ["gpt2", "smollm2", "llama3", "metaspace"])
def test_prefixes_share_queries_where_words_are_split(family: str) -> None:
    loaded, dataset = make_model(family), make_dataset("classification", "\n\n")
    # a query that starts with white space or a mark merges with the separator in some of these
    queries = [query for query in dataset.queries if query.input[0].isalpha()]
    assert len(prompts(loaded, dataset, [[0], [1], [2], [3]], queries)) == 1


text = st.text(st.sampled_from("ab .\n!1é🙂中"), min_size=1, max_size=8).filter(str.strip)


@settings(max_examples=60)
@given(
    family=st.sampled_from(sorted(FAMILIES)),
    inputs=st.lists(text, min_size=5, max_size=5),
    separator=st.sampled_from(SEPARATORS),
    space=st.booleans(),
)
def test_any_text_has_the_tokens_of_whole_prompts(family: str, inputs: list[str], separator: str, space: bool) -> None:
    loaded = _loaded(family)
    choices = (" a", " b!") if space else ("a", "b!")
    made = [Example(input, choices[i % 2], choices=choices, id=str(i)) for i, input in enumerate(inputs)]
    dataset = Dataset("any", "classification", "accuracy", separator, "\n", 1, tuple(made[:3]), tuple(made[3:]))
    try:
        grids = prompts(loaded, dataset, [[0], [1], [2, 0]], dataset.queries)
    except BenchmarkError:  # a tokenizer that merges a whole query with its choice
        assert family in ("phi3", "greedy", "llama2")
        return
    assert sorted(row for grid in grids for row in grid.rows) == [0, 1, 2]
    for grid in grids:
        for row, prefix in zip(grid.rows, grid.prefixes, strict=True):
            before = "".join(made[i].input + made[i].target + separator for i in ([0], [1], [2, 0])[row])
            for asked, example in zip(grid.queries, dataset.queries, strict=True):
                whole = [split(loaded, before + example.input, choice)[0] for choice in choices]
                assert [[*prefix.ids, *asked.input, *rest] for rest in asked.continuations] == whole
                assert asked.input


_made: dict[str, LoadedModel] = {}


def _loaded(family: str) -> LoadedModel:
    if family not in _made:
        tokenizer = make_tokenizer(family)
        _made[family] = LoadedModel(family, torch.nn.Identity(), tokenizer, family in FIRST, prefix_of(tokenizer))
    return _made[family]


def test_a_query_without_a_token_of_its_own_is_named() -> None:
    loaded, dataset = words_model("qwen2"), words_dataset("classes")
    glued = dataclasses.replace(dataset.queries[1], input="w1", target="w0", choices=("w0", "w1"))
    with pytest.raises(BenchmarkError, match="query q1: no token of its input comes before its target"):
        zero_shot(loaded, dataclasses.replace(dataset, queries=(dataset.queries[0], glued)))


def test_a_token_beyond_the_embedding_is_named_and_padding_is_not() -> None:
    loaded, dataset = words_model("qwen2"), words_dataset("classes")
    loaded.tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    assert loaded.tokenizer.pad_token_id >= loaded.model.config.vocab_size
    measure_quality(loaded, dataset, range(3))
    odd = dataclasses.replace(dataset.pool[1], input="w1 [PAD] w2")
    with pytest.raises(BenchmarkError, match=r"candidate c1 has the token '\[PAD\]'"):
        measure_quality(loaded, dataclasses.replace(dataset, pool=(dataset.pool[0], odd)), range(2))
