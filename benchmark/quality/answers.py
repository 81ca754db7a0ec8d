"""Prompts with demonstrations of their own: what a selector wants run before it chooses, and lists for one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.likelihood import score
from benchmark.quality.prompts import prompts
from benchmark.quality.quality import zero_shot
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example


def answer(
    loaded: LoadedModel,
    dataset: Dataset,
    members: NDArray[np.int64],
    asked: Sequence[Example],
    read: Literal["choices", "input"],
    budget: Budget,
) -> NDArray[np.float64]:
    """Log-probabilities in nats, float64 [p, c]: of each choice after the input, or of the input itself (c = 1).

    Prompt i has the demonstrations `members[i]` (int64 [p, k], pool indices; k may be 0), then the input of `asked[i]`.
    NaN where another prompt has more choices. Raises `BenchmarkError` for a prompt beyond the context.
    """
    examples = _prompts(dataset, members, asked)
    if read == "input":
        examples = [
            Example(prompt.input.removesuffix(example.input), example.input, (example.input,), id=prompt.id)
            for prompt, example in zip(examples, asked, strict=True)
        ]
    (grid,) = prompts(loaded, dataset, [[]], examples)
    scores = score(loaded, grid.prefixes, grid.queries, budget, f"prompts {loaded.name}-{dataset.name}")
    return np.asarray(scores[0])


def score_lists(
    loaded: LoadedModel, dataset: Dataset, members: NDArray[np.int64], asked: Sequence[Example], budget: Budget
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Log-probability of the target and performance, both [p], of a list of demonstrations of its own for each example.

    `members` and `asked` as in `answer`. What lists share is not computed once: for sets that all queries have in
    common, `quality.score_sets` is faster.
    """
    shard = zero_shot(loaded, replace(dataset, queries=tuple(_prompts(dataset, members, asked))), budget)
    return shard.log_probability[0], shard.performance[0]


def _prompts(dataset: Dataset, members: NDArray[np.int64], asked: Sequence[Example]) -> list[Example]:
    """Each example with its demonstrations before it, as one input."""
    pool = dataset.pool
    texts = ["".join(pool[i].input + pool[i].target + dataset.separator for i in row) for row in members.tolist()]
    return [
        replace(example, input=text + example.input, id=f"{example.id} (prompt {i})")
        for i, (text, example) in enumerate(zip(texts, asked, strict=True))
    ]
