"""Shards, sets and their arrays, against one prompt at a time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from benchmark.models.loading import LoadedModel
from benchmark.quality.generation import Ending
from benchmark.quality.quality import assemble, draw_sets, measure_quality, score_sets, zero_shot
from benchmark.storage import read_arrays, write_arrays
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.metrics import METRICS
from tests.quality import naive
from tests.quality.conftest import make_dataset, make_model
from tests.quality.test_generation import expected_answer
from tests.quality.test_likelihood import prompts


def test_matrices_equal_unshared_scoring(loaded: LoadedModel, dataset: Dataset) -> None:
    rows, queries = prompts(loaded, dataset)
    scores = naive.score(loaded, rows, queries)
    shard = measure_quality(loaded, dataset, range(len(dataset.pool)), 200)
    ending = Ending(loaded, dataset.stop, dataset.max_new_tokens)
    for i, row in enumerate(rows):
        for j, (query, example) in enumerate(zip(queries, dataset.queries, strict=True)):
            if dataset.kind == "classification":
                prediction = example.choices[int(np.nanargmax(scores[i, j]))]
            else:
                prediction = expected_answer(loaded, row.ids + query.input, ending)
            assert shard.performance[i, j] == METRICS[dataset.metric](prediction, example)
            assert shard.log_probability[i, j] == pytest.approx(scores[i, j, query.gold], abs=1e-4)


def test_shards_join_to_the_whole(loaded: LoadedModel, dataset: Dataset) -> None:
    zero = zero_shot(loaded, dataset)
    whole = assemble(dataset, zero, [measure_quality(loaded, dataset, range(7))])
    parts = [measure_quality(loaded, dataset, range(first, min(first + 3, 7))) for first in range(0, 7, 3)]
    joined = assemble(dataset, zero, [parts[0].arrays(), *parts[1:]])
    for name, array in whole.items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(joined[name], array, atol=1e-4)
            assert array.dtype == np.float32
        else:
            np.testing.assert_array_equal(joined[name], array)
    assert whole["log_probability"].shape == whole["performance"].shape == (7, 5)
    assert whole["zero_shot_log_probability"].shape == (5,)


def test_arrays_can_be_stored(loaded: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> None:
    dataset = make_dataset("classes")
    arrays = assemble(dataset, zero_shot(loaded, dataset), [measure_quality(loaded, dataset, range(7))])
    path = tmp_path_factory.mktemp("quality") / "matrices.npz"
    write_arrays(path, **arrays)
    assert read_arrays(path)["candidates"].tolist() == [example.id for example in dataset.pool]


def test_a_shard_is_repeated_to_the_bit(loaded: LoadedModel, dataset: Dataset) -> None:
    one, two = (measure_quality(loaded, dataset, range(2, 6)) for _ in range(2))
    np.testing.assert_array_equal(one.log_probability, two.log_probability)
    np.testing.assert_array_equal(one.performance, two.performance)


def test_missing_shards_are_an_error() -> None:
    loaded, dataset = make_model("llama"), make_dataset("classes")
    with pytest.raises(BenchmarkError, match="scores of 4 of its 7 candidates"):
        assemble(dataset, zero_shot(loaded, dataset), [measure_quality(loaded, dataset, range(4))])


def test_sets_equal_unshared_scoring(loaded: LoadedModel, dataset: Dataset) -> None:
    members = np.array([[0, 3, 1], [6, 2, 4], [0, 3, 1], [1, 3, 0]])
    chosen = [4, 1, 2]
    log_probability, performance = score_sets(loaded, dataset, members, chosen, 500)
    assert log_probability.shape == performance.shape == (4, 3)
    np.testing.assert_array_equal(log_probability[0], log_probability[2])
    bos = (loaded.tokenizer.bos_token_id,) if loaded.add_bos else ()
    encode = loaded.tokenizer
    for s, row in enumerate(members):
        text = "".join(dataset.pool[i].input + dataset.pool[i].target + dataset.separator for i in row)
        for j, index in enumerate(chosen):
            example = dataset.queries[index]
            prompt = (*bos, *encode(text + example.input, add_special_tokens=False)["input_ids"])
            target = encode(example.target, add_special_tokens=False)["input_ids"]
            expected = naive.log_probability(loaded, prompt, target)
            assert log_probability[s, j] == pytest.approx(expected, abs=1e-4)


def test_one_shot_sets_are_the_matrix() -> None:
    loaded, dataset = make_model("llama"), make_dataset("phrases")
    shard = measure_quality(loaded, dataset, range(7))
    log_probability, performance = score_sets(loaded, dataset, np.arange(7)[:, None], range(5))
    np.testing.assert_allclose(log_probability, shard.log_probability, atol=1e-5)
    np.testing.assert_array_equal(performance, shard.performance)


def test_drawn_members_are_uniform() -> None:
    drawn = draw_sets(5, 2, 5000, np.random.default_rng(0))
    assert np.abs(np.bincount(drawn[:, 0], minlength=5) / 5000 - 0.2).max() < 0.03
    with pytest.raises(BenchmarkError, match="a set of 6 demonstrations"):
        draw_sets(5, 6, 2, np.random.default_rng(0))


def test_bad_input_is_named() -> None:
    loaded, dataset = make_model("llama"), make_dataset("classes")
    with pytest.raises(BenchmarkError, match="has no candidate 7: there are 7"):
        measure_quality(loaded, dataset, range(5, 10))
    with pytest.raises(BenchmarkError, match="has no query 5: there are 5"):
        score_sets(loaded, dataset, [[0]], [5])
    with pytest.raises(BenchmarkError, match="nothing to score"):
        measure_quality(loaded, dataset, range(0))
    with pytest.raises(BenchmarkError, match="token budget of 0"):
        measure_quality(loaded, dataset, range(2), 0)
    with pytest.raises(BenchmarkError, match="needs BOS"):
        measure_quality(dataclasses.replace(make_model("qwen2"), add_bos=True), dataset, range(2))
