"""Every architecture through extraction and scoring: the numbers of a plain hook, and of plain, unshared passes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.activations.extraction import extract
from benchmark.models.budget import Budget
from benchmark.models.decoder import find_decoder
from benchmark.models.loading import LoadedModel
from benchmark.quality.likelihood import score
from benchmark.quality.prompts import prompts
from benchmark.tasks.tokens import tokenize_example
from tests.models.test_decoder import CONFIGS, random_model
from tests.quality import naive
from tests.quality.conftest import make_dataset, make_tokenizer

STATISTICS = ("mean", "variance", "max_abs")


@pytest.fixture(params=CONFIGS)
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    return LoadedModel(request.param, random_model(request.param), make_tokenizer(bos=False), add_bos=False)


def test_extraction_has_the_numbers_of_a_plain_hook(loaded: LoadedModel) -> None:
    dataset = make_dataset("phrases")
    found = extract(loaded, dataset.pool, masks=("causal",), sites={"mlp_output": STATISTICS}, token_budget=60)
    outputs: list[np.ndarray] = []

    def hook(module: nn.Module, arguments: object, output: torch.Tensor) -> None:
        outputs.append(output.reshape(-1, 32).double().numpy())

    handles = [mlp.register_forward_hook(hook) for mlp in find_decoder(loaded.model).mlps]
    for index, example in enumerate(dataset.pool):
        outputs.clear()
        with torch.no_grad():
            loaded.model(torch.tensor([tokenize_example(loaded.tokenizer, example).ids]), use_cache=False)
        plain = [[x.mean(1).mean(), x.var(1).mean(), np.abs(x).max(1).mean()] for x in outputs]  # [layer, statistic]
        np.testing.assert_allclose(found.scores[index, 0, 0, 0], plain, rtol=1e-4, atol=1e-6)
    assert np.std(found.scores) > 0
    for handle in handles:
        handle.remove()


def test_scoring_equals_plain_passes(loaded: LoadedModel) -> None:
    dataset = make_dataset("phrases", n_pool=4, n_queries=3)
    (grid,) = prompts(loaded, dataset, [[0], [1], [2], [3]], dataset.queries)
    rows, queries = grid.prefixes, grid.queries
    expected = naive.score(loaded, rows, queries)
    np.testing.assert_allclose(score(loaded, rows, queries, Budget(80)), expected, atol=1e-4)
