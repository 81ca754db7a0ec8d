"""A small synthetic pool, and the files of one model on one dataset, with known structure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchmark.artefacts.sets import Sets
from benchmark.selection import Features, Pool, Prompts, Selector
from benchmark.selection.pool import Dictionary, RandomSets
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
    sets: dict[int, Sets]


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
        sets={
            4: Sets(
                np.stack([generator.permutation(n)[:4] for _ in range(20)]),
                -generator.random(size=(20, j)).astype(np.float32),
                generator.random(size=(20, j)).astype(np.float32),
            )
        },
    )


@pytest.fixture
def pool() -> Pool:
    return make_pool(30)


def make_pool(n: int, seed: int = 5, **changes: Any) -> Pool:
    """n candidates with 12 queries set aside and 6 that judge, and random features of all of them."""
    generator = np.random.default_rng(seed)
    j, q, width = 12, 6, 8
    known = {
        "inputs": tuple(texts(generator, n)),
        "scores": generator.normal(size=(n, len(MASKS), len(STATISTICS))),
        "perplexity": generator.gamma(2.0, size=n),
        "predictive_entropy": generator.gamma(2.0, size=n),
        "query_inputs": tuple(texts(generator, j)),
        "gain": generator.normal(size=(n, j)),
        "random_sets": (
            RandomSets(
                np.stack([generator.permutation(n)[: min(4, n)] for _ in range(60)]), generator.random(size=(60, j))
            ),
        ),
        "embeddings": {"hidden": Features(*(rows(generator, m, width) for m in (n, j, q)))},
        "asked_inputs": tuple(texts(generator, q)),
        "dictionaries": {"residual": Dictionary(generator.gamma(2.0, size=n), at_work(generator, n, 40))},
        "masks": MASKS,
        "statistics": STATISTICS,
        "unlabelled_masks": ("input",),
        "n_choices": 3,
        "feature_names": ("tfidf", "statistics", "hidden"),
    }
    return Pool(**{**known, **changes})


def at_work(generator: np.random.Generator, n: int, width: int) -> csr_array[Any]:
    """Which of `width` features are at work in each of n candidates: some in many, most in few."""
    return csr_array(generator.random((n, width)) < generator.beta(0.5, 2.0, size=width))


def rows(generator: np.random.Generator, n: int, width: int) -> NDArray[np.float64]:
    """Random rows of length one."""
    values = generator.normal(size=(n, width))
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))


def reordered(pool: Pool, order: NDArray[np.int64]) -> Pool:
    """The same pool with its candidates in another order."""
    place = np.argsort(order)
    return replace(
        pool,
        inputs=tuple(pool.inputs[i] for i in order),
        scores=pool.scores[order],
        perplexity=pool.perplexity[order],
        predictive_entropy=pool.predictive_entropy[order],
        gain=None if pool.gain is None else pool.gain[order],
        random_sets=tuple(replace(sets, members=place[sets.members]) for sets in pool.random_sets),
        embeddings={name: replace(kept, candidates=kept.candidates[order]) for name, kept in pool.embeddings.items()},
        dictionaries={
            site: Dictionary(kept.loss[order], kept.features[order]) for site, kept in pool.dictionaries.items()
        },
    )


def say(pool: Pool, prompts: Prompts, labels: str = "") -> NDArray[np.float64]:
    """Stands in for the model: log-probabilities that depend on the texts of a prompt alone.

    `labels` stands for the candidates' labels. Those of demonstrations before a candidate are known: it chose them.
    """
    asked = pool.inputs if prompts.of == "pool" else pool.asked_inputs
    width = pool.n_choices if prompts.read == "choices" else 1
    said = []
    for members, i in zip(prompts.members.tolist(), prompts.asked.tolist(), strict=True):
        text = repr([[pool.inputs[m] for m in members], asked[i], "" if prompts.of == "pool" else labels])
        seed = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype=np.uint32)
        said.append(-np.random.default_rng(seed).gamma(2.0, size=width))
    return np.array(said).reshape(-1, width)


def run(selector: Selector, pool: Pool, k: int, seed: int = 0, labels: str = "") -> NDArray[np.int64]:
    """What the selector chooses, after the prompts that it planned were run: int64 [k], or [query, k]."""
    shown = pool if selector.needs.queries == "each" else pool.without_asked()
    prompts = selector.plan(shown, k, np.random.default_rng([seed, 1]))
    if prompts is not None:
        shown = replace(shown, prompts=prompts, answers=say(shown, prompts, labels))
    return selector(shown, k, np.random.default_rng(seed))
