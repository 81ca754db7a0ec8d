"""The same requests through EleutherAI's lm-evaluation-harness (an optional extra)."""

from __future__ import annotations

import copy
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
    tokenizer.eos_token = tokenizer.unk_token  # the harness insists on one; no request here uses it
    limit = loaded.model.config.max_position_embeddings
    return huggingface.HFLM(loaded.model, tokenizer=tokenizer, batch_size=batch_size, max_length=limit, device="cpu")


def requests(dataset: Dataset, candidates: range) -> list[Any]:
    """The gold target, or every choice, behind every 1-shot prompt: candidate by candidate, query by query."""
    from lm_eval.api.instance import Instance

    texts = [
        (candidate.input + candidate.target + dataset.separator + query.input, target)
        for candidate in dataset.pool[candidates.start : candidates.stop]
        for query in dataset.queries
        for target in query.choices or (query.target,)
    ]
    return [Instance("loglikelihood", {}, text, index) for index, text in enumerate(texts)]


def log_probabilities(model: Any, requests: list[Any], n_candidates: int, n_queries: int) -> NDArray[np.float64]:
    """float64 [candidate, query, choice], for queries that have equally many choices."""
    answers = model.loglikelihood(requests, disable_tqdm=True)
    return np.array([score for score, _ in answers]).reshape(n_candidates, n_queries, -1)
