"""An independent implementation gives the same scores."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmark.models.budget import Budget
from benchmark.quality.likelihood import score
from benchmark.quality.prompts import prompts
from tests.quality.conftest import make_dataset, make_model
from tests.quality.harness import harness, log_probabilities, requests


@pytest.mark.parametrize("kind", ["classes", "phrases", "generative"])
def test_agrees_with_the_harness(kind: str) -> None:
    loaded, dataset = make_model("qwen2"), make_dataset(kind)
    dataset = dataclasses.replace(dataset, queries=dataset.queries[1::2])  # equally many choices
    members = [[index] for index in range(7)]
    expected = log_probabilities(harness(loaded, batch_size=4), requests(dataset, members), 7, 2)
    (grid,) = prompts(loaded, dataset, members, dataset.queries)
    found = score(loaded, grid.prefixes, grid.queries, Budget(200))
    np.testing.assert_allclose(found[..., : expected.shape[2]], expected, atol=1e-4)
