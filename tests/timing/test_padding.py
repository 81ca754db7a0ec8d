"""What batching by length leaves of padding, as a share of the computed tokens: in extraction and in scoring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.activations.batching import padding_waste
from benchmark.models.budget import Budget
from benchmark.models.loading import load_model
from benchmark.params import load_params
from benchmark.quality.quality import measure_quality
from benchmark.sources.datasets.embedded import EmbeddedDataset
from benchmark.tasks.embedded import build_dataset
from benchmark.tasks.tokens import tokenize_example

ROOT = Path(__file__).parents[2]
CANDIDATES = 16
"""Demonstrations that are scored of each pool."""


def test_extraction_of_questions(benchmark: Any) -> None:
    """Lengths spread as those of a pool of questions, under the budget of the embedded profile."""
    lengths = np.random.default_rng(0).lognormal(4.5, 0.5, 1000).astype(int).clip(8, 512).tolist()
    waste = benchmark.pedantic(lambda: padding_waste(lengths, 4096), rounds=1)
    benchmark.extra_info["padding"] = waste
    benchmark.extra_info["padding, unsorted"] = unsorted(lengths, 4096)
    assert waste < 0.05 < benchmark.extra_info["padding, unsorted"]


def unsorted(lengths: list[int], token_budget: int) -> float:
    """The share of padding where batches of equally many rows are taken in the order of the pool."""
    rows = token_budget // max(lengths)
    computed = sum(len(part) * max(part) for part in (lengths[i : i + rows] for i in range(0, len(lengths), rows)))
    return 1 - sum(lengths) / computed


@pytest.mark.slow
def test_the_embedded_profile(benchmark: Any, smoke: bool) -> None:
    """Every pool of params.yaml with its tokenizer and budgets; of scoring, the first demonstrations by all queries.

    A whole shard of such short candidates fits into one batch, so extraction cannot sort by length there.
    """
    params = load_params(ROOT / "params.yaml")
    loaded = load_model(ROOT / "data/models" / next(iter(params.models)), "cpu")
    budget = Budget(params.quality.token_budget)
    worst = 0.0
    for name, source in [*params.datasets.items()][: 1 if smoke else None]:
        assert isinstance(source, EmbeddedDataset)
        dataset = build_dataset(name, source.family, source.seed, source.pool, source.queries, source.split)
        lengths = [len(tokenize_example(loaded.tokenizer, example, bos=loaded.add_bos)) for example in dataset.pool]
        shards = [lengths[at : at + params.extraction.shard] for at in range(0, len(lengths), params.extraction.shard)]
        worst = max(worst, *(padding_waste(shard, params.extraction.token_budget) for shard in shards))
        measure_quality(loaded, dataset, range(CANDIDATES), budget)
    benchmark.pedantic(lambda: padding_waste(lengths, params.extraction.token_budget), rounds=1)
    benchmark.extra_info["padding, extraction, worst"] = worst
    benchmark.extra_info["padding, scoring"] = budget.waste
    assert budget.padded > 0
    assert budget.waste < 0.05
