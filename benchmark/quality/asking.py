"""What a model says to the prompts that selectors want run; what many of them begin with is computed once.

ask(loaded, dataset, prompts, budget)      # [prompt, choice], nats
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.artefacts.prompts import Prompt
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.answers import answer
from benchmark.quality.likelihood import score
from benchmark.quality.prompts import prompts as tokenized
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example

MANY = 16
"""Prompts with the same demonstrations from which on these are worth a pass of their own."""
Rows = list[int]


class Arranged(NamedTuple):
    """Places of prompts, by how they are run.

    `shared`: the demonstrations once, then the inputs with their choices. `alone`: each a text of its own, those of as
    many demonstrations together. `inputs`: the demonstrations and, as branches of one row, the inputs to be read.
    """

    shared: list[Rows]
    alone: list[Rows]
    inputs: list[Rows]


def arrange(prompts: Sequence[Prompt]) -> Arranged:
    groups: defaultdict[tuple[str, tuple[int, ...]], Rows] = defaultdict(list)
    for row, prompt in enumerate(prompts):
        groups[prompt.read, prompt.members].append(row)
    alone: defaultdict[int, Rows] = defaultdict(list)
    for (read, members), rows in groups.items():
        if read == "choices" and len(rows) < MANY:
            alone[len(members)] += rows
    return Arranged(
        shared=[rows for (read, _), rows in groups.items() if read == "choices" and len(rows) >= MANY],
        alone=list(alone.values()),
        inputs=[rows for (read, _), rows in groups.items() if read == "input"],
    )


def ask(loaded: LoadedModel, dataset: Dataset, prompts: Sequence[Prompt], budget: Budget) -> NDArray[np.float64]:
    """Log-probabilities in nats, float64 [prompt, choice]: of each choice after the input, or of the input alone.

    NaN where another prompt has more. Raises `BenchmarkError` for a prompt beyond the context.
    """
    examples = [(dataset.pool if prompt.of == "pool" else dataset.queries)[prompt.asked] for prompt in prompts]
    out = np.full((len(prompts), max([1, *(len(example.choices) for example in examples)])), np.nan)
    shared, alone, inputs = arrange(prompts)
    for rows in shared:
        asked = [examples[row] for row in rows]
        (grid,) = tokenized(loaded, dataset, [prompts[rows[0]].members], asked)
        found = score(loaded, grid.prefixes, grid.queries, budget, f"prompts {loaded.name}-{dataset.name}")[0]
        out[rows, : found.shape[1]] = found
    for rows in alone:
        members = np.array([prompts[row].members for row in rows], dtype=np.int64)
        found = answer(loaded, dataset, members, [examples[row] for row in rows], "choices", budget)
        out[rows, : found.shape[1]] = found
    if inputs:
        texts = [list(dict.fromkeys(examples[row].input for row in rows)) for rows in inputs]
        trees = [_tree(dataset, prompts[rows[0]].members, each) for rows, each in zip(inputs, texts, strict=True)]
        found = answer(loaded, dataset, np.empty((len(trees), 0), dtype=np.int64), trees, "choices", budget)
        for rows, each, values in zip(inputs, texts, found, strict=True):
            out[rows, 0] = values[[each.index(examples[row].input) for row in rows]]
    return out


def _tree(dataset: Dataset, members: Sequence[int], inputs: Sequence[str]) -> Example:
    """Demonstrations as an input, of which the inputs that follow them are the choices."""
    shown = [dataset.pool[i] for i in members]
    text = "".join(example.input + example.target + dataset.separator for example in shown)
    return Example(text, inputs[0], tuple(inputs), id=" + ".join(example.id for example in shown))
