"""A small synthetic pool, and the files of one model on one dataset, with known structure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from benchmark.selection import Pool
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example

MASKS = ("causal", "input")
STATISTICS = ("kurtosis", "massive_count", "max_abs")
WORDS = np.array(["red", "green", "blue", "seven", "eight", "nine", "cat", "dog", "bird", "sun", "moon", "star"])


@dataclass
class Files:
    """The arguments of `evaluate` that come from files, and the gain and performance of every candidate."""

    dataset: Dataset
    scores: dict[str, NDArray[Any]]
    matrices: dict[str, NDArray[Any]]
    uncertainty: pd.DataFrame


def texts(generator: np.random.Generator, n: int) -> list[str]:
    return [f"text {i} {' '.join(generator.choice(WORDS, size=generator.integers(3, 9)))}" for i in range(n)]


@pytest.fixture
def files() -> Files:
    generator = np.random.default_rng(7)
    n, j, layers = 24, 16, 3
    pool = tuple(Example(text, " A", ("A", " A"), id=f"p{i}") for i, text in enumerate(texts(generator, n)))
    queries = tuple(Example(text, " A", ("A", " A"), id=f"q{i}") for i, text in enumerate(texts(generator, j)))
    scores = generator.normal(size=(n, 2, len(MASKS), 2, layers, len(STATISTICS)))
    scores[..., STATISTICS.index("massive_count")] = 0.0  # no massive activation anywhere: a constant column
    scores[:, 1, ..., STATISTICS.index("kurtosis")] = np.nan  # a statistic that the second site lacks
    quality = generator.normal(size=n)
    log_probability = quality[:, None] + 0.3 * generator.normal(size=(n, j)) - 2
    return Files(
        dataset=Dataset("toy", "classification", "accuracy", "\n", "\n", 1, pool, queries),
        scores={
            "scores": scores,
            "candidates": np.array([example.id for example in pool]),
            "sites": np.array(["mlp_output", "residual"]),
            "masks": np.array(MASKS),
            "poolings": np.array(["mean", "max"]),
            "layers": np.arange(layers),
            "statistics": np.array(STATISTICS),
        },
        matrices={
            "log_probability": log_probability.astype(np.float32),
            "zero_shot_log_probability": generator.normal(-2, 0.1, size=j).astype(np.float32),
            "performance": (log_probability > -2).astype(np.float32),
            "zero_shot_performance": np.zeros(j, dtype=np.float32),
            "candidates": np.array([example.id for example in pool]),
            "queries": np.array([example.id for example in queries]),
        },
        uncertainty=pd.DataFrame(
            {
                "candidate": [example.id for example in pool],
                "perplexity": generator.gamma(2.0, size=n),
                "predictive_entropy": generator.gamma(2.0, size=n),
                "target_log_probability": -generator.gamma(2.0, size=n),
            }
        ),
    )


@pytest.fixture
def pool() -> Pool:
    generator = np.random.default_rng(5)
    n, j = 30, 12
    return Pool(
        inputs=tuple(texts(generator, n)),
        scores=generator.normal(size=(n, len(MASKS), len(STATISTICS))),
        masks=MASKS,
        statistics=STATISTICS,
        unlabelled_masks=("input",),
        perplexity=generator.gamma(2.0, size=n),
        predictive_entropy=generator.gamma(2.0, size=n),
        query_inputs=tuple(texts(generator, j)),
        gain=generator.normal(size=(n, j)),
    )


def reordered(pool: Pool, order: NDArray[np.int64]) -> Pool:
    """The same pool with its candidates in another order."""
    return replace(
        pool,
        inputs=tuple(pool.inputs[i] for i in order),
        scores=pool.scores[order],
        perplexity=pool.perplexity[order],
        predictive_entropy=pool.predictive_entropy[order],
        gain=pool.gain[order],
    )
