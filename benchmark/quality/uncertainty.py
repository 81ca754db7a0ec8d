"""How unsure the model is of each candidate, zero-shot: what uncertainty selectors rank by.

    table = measure_uncertainty(loaded, dataset, budget)      # the rows of uncertainty.csv

perplexity is exp of the mean negative log-probability of the input's tokens; the first counts only after BOS, for
without one nothing predicts it. predictive_entropy, in nats, is that of the choices with their probabilities scaled to
sum to 1, or of the next token after the input for a generative task. target_log_probability is the gold target's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.context import Run, logits, read
from benchmark.quality.likelihood import score
from benchmark.quality.packing import Indices, chunks, in_two
from benchmark.quality.prompts import prompts
from benchmark.quality.quality import DEFAULT_BUDGET
from benchmark.quality.trees import Rows, grow
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.tokens import Ids

Vector = NDArray[np.float64]


def measure_uncertainty(loaded: LoadedModel, dataset: Dataset, budget: Budget | int = DEFAULT_BUDGET) -> pd.DataFrame:
    """One row a candidate: `candidate`, `perplexity`, `predictive_entropy`, `target_log_probability`.

    Raises `BenchmarkError` for an input that is too long, or too short to have a perplexity.
    """
    budget = budget if isinstance(budget, Budget) else Budget(budget)
    (grid,) = prompts(loaded, dataset, [[]], dataset.pool)
    queries = grid.queries
    sequences = [grid.prefixes[0].ids + query.input for query in queries]
    scores = score(loaded, grid.prefixes, queries, budget, f"uncertainty {loaded.name}-{dataset.name}")[0]
    short = [query.name for query, ids in zip(queries, sequences, strict=True) if len(ids) < 2]
    if short:
        raise BenchmarkError(
            f"the input of candidate {short[0]} is one token and model {loaded.name} adds no BOS: "
            "it has no perplexity; use longer inputs"
        )
    perplexity, next_entropy = _read(loaded, sequences, budget)
    classification = dataset.kind == "classification"
    return pd.DataFrame(
        {
            "candidate": [query.name for query in queries],
            "perplexity": perplexity,
            "predictive_entropy": choice_entropy(scores) if classification else next_entropy,
            "target_log_probability": [row[query.gold] for row, query in zip(scores, queries, strict=True)],
        }
    )


def choice_entropy(scores: NDArray[np.float64]) -> Vector:
    """Entropy in nats over the choices of each row, float64 [row]; `scores` [row, choice], NaN where there is none."""
    there = ~np.isnan(scores)
    relative = np.where(there, scores, -np.inf) - np.nanmax(scores, axis=1, keepdims=True)
    weights = np.exp(relative)
    total = weights.sum(axis=1, keepdims=True)
    surprise = np.where(there, np.log(total) - np.where(there, relative, 0.0), 0.0)
    entropy: Vector = (weights / total * surprise).sum(axis=1)
    return entropy


@torch.inference_mode()
def _read(loaded: LoadedModel, sequences: Sequence[Ids], budget: Budget) -> tuple[Vector, Vector]:
    """Perplexity of each sequence after its first token, and the entropy of what comes next, both [sequence]."""
    perplexity, entropy = np.empty(len(sequences)), np.empty(len(sequences))

    def run(part: Indices) -> None:
        perplexity[part], entropy[part] = _perplexity_and_entropy(loaded, [sequences[index] for index in part])

    def attempt(part: Indices) -> None:
        if not budget.fits(lambda: run(part)):
            for half in in_two(part):
                attempt(half)

    for part in chunks([len(ids) for ids in sequences], 1, budget):
        attempt(part)
    return perplexity, entropy


def _perplexity_and_entropy(loaded: LoadedModel, sequences: Sequence[Ids]) -> tuple[Vector, Vector]:
    rows = Rows.of([grow([ids], [0]) for ids in sequences])
    width = rows.ids.shape[1]
    lengths = np.array([len(ids) for ids in sequences])
    keep = np.flatnonzero(np.arange(width) < lengths[:, None])
    states = Run(loaded.model, rows, keep=keep).states
    following = torch.tensor([token for ids in sequences for token in (*ids[1:], 0)], device=states.device)
    each = read(loaded.model, states, following[:, None])[0][:, 0].double().cpu().numpy()
    ends = lengths.cumsum()
    last = torch.from_numpy(ends - 1).to(states.device)
    parts = [table.log_softmax(1).double().exp() for _, table in logits(loaded.model, states[last])]
    entropy: Vector = torch.cat([torch.special.entr(part).sum(1) for part in parts]).cpu().numpy()
    pieces = np.split(each, ends[:-1])
    return np.array([np.exp(-piece[:-1].mean()) for piece in pieces]), entropy
