"""The stated tolerances: 1e-4 nats in float32, and in bfloat16 no more than the sharing-free rounding itself."""

from __future__ import annotations

import numpy as np

from benchmark.quality.drift import alone, drift
from benchmark.quality.prompts import prefixes, query
from tests.quality import naive
from tests.quality.conftest import make_dataset, make_model


def test_alone_is_the_plain_pass() -> None:
    loaded, dataset = make_model("llama"), make_dataset("phrases", 3, 3)
    rows = prefixes(loaded, dataset, [[0], [1, 2]])
    queries = [query(loaded, example) for example in dataset.queries]
    np.testing.assert_allclose(alone(loaded, rows, queries), naive.score(loaded, rows, queries), atol=1e-5)


def test_scores_hardly_move_with_their_batch() -> None:
    table = drift(make_model("qwen2"), make_dataset("generative"), count=4)
    largest = table.groupby("dtype")["max_abs"].max()
    assert 0 < largest["float32"] < 1e-4
    assert largest["float32"] < largest["bfloat16"] < 0.2 * table["sd"].min()
    assert len(table) == 10
