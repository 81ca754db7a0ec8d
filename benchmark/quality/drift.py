"""How far a score moves with what it is batched with: the price of sharing, padding, batch shapes and rounding.

    python -m benchmark.quality.drift data/models/NAME data/datasets/NAME

Prints a table: for each dtype and each way of batching, the largest and mean absolute difference in nats from scoring
every prompt alone in one plain forward pass of the same dtype, and the spread that the scores have themselves.
"""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import DTYPES, LoadedModel, load_model
from benchmark.quality.likelihood import Scores, score
from benchmark.quality.prompts import Prefix, Query, prefixes, query
from benchmark.tasks.dataset import Dataset

BUDGETS = (1, 256, 2048, 16384)


def drift(
    loaded: LoadedModel, dataset: Dataset, count: int = 16, dtypes: Sequence[str] = ("float32", "bfloat16")
) -> pd.DataFrame:
    """Rows of dtype, batching, max_abs, mean_abs and sd of the scores (nats), `count` candidates by `count` queries."""
    candidates = range(min(count, len(dataset.pool)))
    rows = prefixes(loaded, dataset, [[index] for index in candidates])
    queries = [query(loaded, example) for example in dataset.queries[:count]]
    table = []
    for dtype in dtypes:
        model = dataclasses.replace(loaded, model=copy.deepcopy(loaded.model).to(DTYPES[dtype]))
        expected = alone(model, rows, queries)
        ways = {f"shared, {tokens} tokens a batch": score(model, rows, queries, Budget(tokens)) for tokens in BUDGETS}
        ways["shared, reversed order"] = score(model, rows[::-1], queries[::-1], Budget(2048))[::-1, ::-1]
        for way, scores in ways.items():
            difference = np.abs(scores - expected)
            largest, mean, spread = np.nanmax(difference), np.nanmean(difference), np.nanstd(expected)
            table.append({"dtype": dtype, "batching": way, "max_abs": largest, "mean_abs": mean, "sd": spread})
    return pd.DataFrame(table)


@torch.inference_mode()
def alone(loaded: LoadedModel, rows: Sequence[Prefix], queries: Sequence[Query]) -> Scores:
    """Every continuation by a plain forward pass of its own, float64 [prefix, query, continuation]."""
    out: NDArray[np.float64] = np.full((len(rows), len(queries), max(len(q.continuations) for q in queries)), np.nan)
    for i, prefix in enumerate(rows):
        for j, asked in enumerate(queries):
            for c, continuation in enumerate(asked.continuations):
                ids = torch.tensor([prefix.ids + asked.input + continuation], device=loaded.device)
                logits = loaded.model(ids[:, :-1], use_cache=False, logits_to_keep=len(continuation)).logits[0]
                table = logits.float().log_softmax(1)
                out[i, j, c] = sum(float(table[k, token]) for k, token in enumerate(continuation))
    return out


def main(arguments: Sequence[str]) -> None:
    if len(arguments) != 2:
        raise BenchmarkError("give the folder of a model and that of a dataset")
    loaded = load_model(Path(arguments[0]), "cpu", "float32")
    table = drift(loaded, Dataset.read(Path(arguments[1])))
    print(table.to_string(index=False, float_format=lambda value: f"{value:.1e}"))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BenchmarkError as error:
        sys.exit(f"error: {error}")
