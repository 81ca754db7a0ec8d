"""What every candidate, and every set of candidates, does for every query.

    zero = zero_shot(loaded, dataset, budget)
    part = measure_quality(loaded, dataset, range(0, 50), budget)      # a pure function: the unit of resuming
    matrices = assemble(dataset, zero, [part, ...])                    # the arrays of matrices.npz
    score_sets(loaded, dataset, members, query_indices, budget)        # the same for sets of demonstrations

Quality is the gold target's log-probability, over zero-shot; performance is the task's metric, of the choice with the
highest log-probability (its tokens summed) or of the greedy answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.generation import Ending, generate
from benchmark.quality.likelihood import score
from benchmark.quality.prompts import prompts
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.metrics import get_metric

Matrix = NDArray[np.float32]
DEFAULT_BUDGET = 8192


@dataclass(frozen=True, slots=True)
class QualityShard:
    """One row for each prefix, float32 [prefix, query]: nats of the gold target, and the metric in [0, 1]."""

    log_probability: Matrix
    performance: Matrix

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"log_probability": self.log_probability, "performance": self.performance}


def measure_quality(
    loaded: LoadedModel, dataset: Dataset, candidates: Sequence[int] | range, budget: Budget | int = DEFAULT_BUDGET
) -> QualityShard:
    """Every candidate in `candidates` (pool indices) as the one demonstration, by every query.

    Raises `BenchmarkError` for an index beyond the pool, a prompt beyond the context, and a log-probability that is not
    finite.
    """
    return _measure(loaded, dataset, [[index] for index in candidates], range(len(dataset.queries)), budget, "quality")


def zero_shot(loaded: LoadedModel, dataset: Dataset, budget: Budget | int = DEFAULT_BUDGET) -> QualityShard:
    """The queries without a demonstration, one row."""
    return _measure(loaded, dataset, [[]], range(len(dataset.queries)), budget, "zero-shot")


def score_sets(
    loaded: LoadedModel,
    dataset: Dataset,
    members: NDArray[np.integer] | Sequence[Sequence[int]],
    query_indices: NDArray[np.integer] | Sequence[int],
    budget: Budget | int = DEFAULT_BUDGET,
) -> tuple[Matrix, Matrix]:
    """Sets of demonstrations, `members` int [set, k] (pool indices, in prompt order), on queries `query_indices` [j].

    Returns log_probability and performance, both float32 [set, j]. Equal rows are scored once. Raises as
    `measure_quality` does.
    """
    rows = np.atleast_2d(np.asarray(members, dtype=np.int64))
    distinct, place = np.unique(rows, axis=0, return_inverse=True)
    shard = _measure(loaded, dataset, distinct.tolist(), query_indices, budget, f"{rows.shape[1]}-shot sets")
    place = place.reshape(-1)
    return shard.log_probability[place], shard.performance[place]


def draw_sets(n_pool: int, size: int, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """`count` random sets of `size` distinct pool indices in random order, int64 [set, k]."""
    if not 1 <= size <= n_pool:
        raise BenchmarkError(f"a set of {size} demonstrations cannot be drawn from a pool of {n_pool}")
    return np.stack([generator.permutation(n_pool)[:size] for _ in range(count)]).astype(np.int64)


def assemble(
    dataset: Dataset, zero: QualityShard, shards: Sequence[QualityShard | Mapping[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """The arrays of `matrices.npz` from the shards of the whole pool, in order."""
    parts = [shard.arrays() if isinstance(shard, QualityShard) else shard for shard in shards]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in ("log_probability", "performance")}
    if len(joined["performance"]) != len(dataset.pool):
        raise BenchmarkError(
            f"dataset {dataset.name}: scores of {len(joined['performance'])} of its {len(dataset.pool)} candidates: "
            "delete the shards and run the stage again"
        )
    return {
        **joined,
        "zero_shot_log_probability": zero.log_probability[0],
        "zero_shot_performance": zero.performance[0],
        "candidates": np.array([example.id for example in dataset.pool]),
        "queries": np.array([example.id for example in dataset.queries]),
    }


def _measure(
    loaded: LoadedModel,
    dataset: Dataset,
    members: Sequence[Sequence[int]],
    query_indices: Sequence[int] | NDArray[np.integer],
    budget: Budget | int,
    label: str,
) -> QualityShard:
    budget = budget if isinstance(budget, Budget) else Budget(budget)
    metric = get_metric(dataset.metric)
    _check_indices(dataset, members, query_indices)
    examples = [dataset.queries[int(index)] for index in query_indices]
    gold = np.empty((len(members), len(examples)))
    answer = np.empty(gold.shape, dtype=np.int64)
    given: dict[str, int] = {}
    label = f"{label} {loaded.name}-{dataset.name}"
    for grid in prompts(loaded, dataset, members, examples):
        rows = list(grid.rows)
        if dataset.kind == "classification":
            scores = score(loaded, grid.prefixes, grid.queries, budget, label)
            right = np.array([[[query.gold] for query in grid.queries]])
            gold[rows] = np.take_along_axis(scores, right, axis=2)[..., 0]
            answer[rows] = np.nanargmax(scores, axis=2)
        else:
            ending = Ending(loaded, dataset.stop, dataset.max_new_tokens)
            generated = generate(loaded, grid.prefixes, grid.queries, ending, budget, label)
            gold[rows] = generated.log_probability
            answer[rows] = np.array([given.setdefault(text, len(given)) for text in generated.texts])[generated.answer]
    texts: Sequence[Sequence[str]] = [example.choices or [*given] for example in examples]
    performance = np.empty(answer.shape, dtype=np.float32)
    for j, example in enumerate(examples):  # the metric of each distinct answer to a query once
        distinct, place = np.unique(answer[:, j], return_inverse=True)
        performance[:, j] = np.array([metric(texts[j][index], example) for index in distinct], dtype=np.float32)[place]
    return QualityShard(gold.astype(np.float32), performance)


def _check_indices(
    dataset: Dataset, members: Sequence[Sequence[int]], query_indices: Sequence[int] | NDArray[np.integer]
) -> None:
    if not len(members) or not len(query_indices):
        raise BenchmarkError(f"dataset {dataset.name}: there is nothing to score: give candidates and queries")
    for kind, indices, part in (
        ("candidate", [index for row in members for index in row], dataset.pool),
        ("query", query_indices, dataset.queries),
    ):
        for index in indices:
            if not 0 <= index < len(part):
                raise BenchmarkError(f"dataset {dataset.name} has no {kind} {index}: there are {len(part)}")
