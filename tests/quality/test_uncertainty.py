"""Uncertainty against one plain forward pass a candidate, in float64."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.stats
import torch

from benchmark.errors import BenchmarkError
from benchmark.models.loading import LoadedModel
from benchmark.quality.prompts import prompts
from benchmark.quality.uncertainty import choice_entropy, measure_uncertainty
from benchmark.tasks.dataset import Dataset
from tests.quality import naive
from tests.quality.conftest import make_dataset, make_model
from tests.quality.test_likelihood import Hungry


def test_equals_plain_passes(loaded: LoadedModel, dataset: Dataset) -> None:
    table = measure_uncertainty(loaded, dataset, 30)
    assert table["candidate"].tolist() == [example.id for example in dataset.pool]
    (grid,) = prompts(loaded, dataset, [[]], dataset.pool)
    for asked, row in zip(grid.queries, table.itertuples(), strict=True):
        ids = grid.prefixes[0].ids + asked.input
        with torch.inference_mode():
            logits = loaded.model(torch.tensor([ids]), use_cache=False).logits[0].double()
        logp = logits.log_softmax(-1).numpy()
        predicted = [logp[k, token] for k, token in enumerate(ids[1:])]
        assert row.perplexity == pytest.approx(np.exp(-np.mean(predicted)), rel=1e-4)
        scores = [naive.log_probability(loaded, ids, choice) for choice in asked.continuations]
        assert row.target_log_probability == pytest.approx(scores[asked.gold], abs=1e-4)
        weights = np.exp(scores) if dataset.kind == "classification" else np.exp(logp[-1])
        assert row.predictive_entropy == pytest.approx(scipy.stats.entropy(weights), abs=1e-4)


def test_entropy_of_choices() -> None:
    scores = np.log([[0.2, 0.2, np.nan], [0.1, 0.3, 0.6], [1e-300, 0.5, np.nan]])
    expected = [np.log(2), scipy.stats.entropy([0.1, 0.3, 0.6]), 0.0]
    np.testing.assert_allclose(choice_entropy(scores), expected, atol=1e-12)
    np.testing.assert_allclose(choice_entropy(np.array([[-2000.0, -2000.0]])), [np.log(2)])


def test_out_of_memory_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, dataset = make_model("llama"), make_dataset("generative")
    expected = measure_uncertainty(loaded, dataset)
    monkeypatch.setattr(loaded.model.base_model, "forward", Hungry(loaded, 30))
    found = measure_uncertainty(loaded, dataset)
    np.testing.assert_allclose(found.iloc[:, 1:], expected.iloc[:, 1:], rtol=1e-4)


def test_an_input_without_a_predicted_token_is_an_error() -> None:
    dataset = make_dataset("classes")
    one = dataclasses.replace(dataset, pool=(dataclasses.replace(dataset.pool[0], input="w3"), *dataset.pool[1:]))
    assert np.isfinite(measure_uncertainty(make_model("llama"), one)["perplexity"]).all()
    with pytest.raises(BenchmarkError, match="c0 is one token and model qwen2 adds no BOS"):
        measure_uncertainty(make_model("qwen2"), one)
