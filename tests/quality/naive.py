"""The unshared way, one prompt at a time: what the fast path has to equal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.models.loading import LoadedModel
from benchmark.quality.prompts import Prefix, Query


@torch.inference_mode()
def log_probability(loaded: LoadedModel, prompt: Sequence[int], continuation: Sequence[int]) -> float:
    """log p(continuation | prompt) from one plain forward pass over both, float64 softmax."""
    logits = loaded.model(torch.tensor([[*prompt, *continuation]], device=loaded.device), use_cache=False).logits
    table = logits[0].double().log_softmax(-1)
    return float(sum(table[len(prompt) + k - 1, token] for k, token in enumerate(continuation)))


def score(loaded: LoadedModel, prefixes: Sequence[Prefix], queries: Sequence[Query]) -> NDArray[np.float64]:
    """[prefix, query, continuation], NaN where there is none."""
    out = np.full((len(prefixes), len(queries), max(len(query.continuations) for query in queries)), np.nan)
    for i, prefix in enumerate(prefixes):
        for j, query in enumerate(queries):
            for c, continuation in enumerate(query.continuations):
                out[i, j, c] = log_probability(loaded, prefix.ids + query.input, continuation)
    return out


@torch.inference_mode()
def generate(loaded: LoadedModel, prompt: Sequence[int], count: int) -> list[int]:
    """Greedy tokens, each from a forward pass over everything before it."""
    ids = list(prompt)
    for _ in range(count):
        logits = loaded.model(torch.tensor([ids], device=loaded.device), use_cache=False).logits
        ids.append(int(logits[0, -1].argmax()))
    return ids[len(prompt) :]
