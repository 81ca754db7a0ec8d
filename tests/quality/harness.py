"""The same requests through EleutherAI's lm-evaluation-harness (an optional extra)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.models.loading import LoadedModel
from benchmark.tasks.dataset import Dataset


def harness(loaded: LoadedModel, batch_size: int) -> Any:
    """Its wrapper of the model, or a skipped test where the harness is not installed."""
    reason = "lm-evaluation-harness is not installed: make bench-extras"
    huggingface = pytest.importorskip("lm_eval.models.huggingface", reason=reason, exc_type=ImportError)
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.eos_token = tokenizer.eos_token or tokenizer.unk_token  # it insists on one; no request here uses it
    limit = loaded.model.config.max_position_embeddings
    return huggingface.HFLM(loaded.model, tokenizer=tokenizer, batch_size=batch_size, max_length=limit, device="cpu")


def requests(dataset: Dataset, members: Sequence[Sequence[int]]) -> list[Any]:
    """The gold target, or every choice, behind every prompt: row of demonstrations by row, query by query."""
    from lm_eval.api.instance import Instance

    texts = [
        ("".join(f"{shown.input}{shown.target}{dataset.separator}" for shown in row) + query.input, target)
        for row in ([dataset.pool[index] for index in indices] for indices in members)
        for query in dataset.queries
        for target in query.choices or (query.target,)
    ]
    return [Instance("loglikelihood", {}, text, index) for index, text in enumerate(texts)]


def log_probabilities(model: Any, requests: list[Any], n_prefixes: int, n_queries: int) -> NDArray[np.float64]:
    """float64 [prefix, query, choice], for queries that have equally many choices."""
    answers = model.loglikelihood(requests, disable_tqdm=True)
    return np.array([score for score, _ in answers]).reshape(n_prefixes, n_queries, -1)
