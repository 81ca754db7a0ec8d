"""select@M: what every selector chooses, and how good that is on queries that took no part in choosing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.params import Params
from benchmark.selection import evaluate
from benchmark.shards import Arrays, compute_shards, concatenate, discard
from benchmark.stages.computing import load, shard_key, work_folder
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage
from benchmark.storage import read_arrays, read_table, write_table
from benchmark.tasks.dataset import Dataset

Array = NDArray[Any]


@stage(
    per="model",
    parameters=("selection", "extraction.masks", "quality", "seed", *COMPUTED),
    inputs=(
        "{data}/datasets",
        "{data}/models/{model}",
        "{data}/activations/{model}",
        "{data}/quality/{model}",
    ),
    outs=(Out("{data}/selection/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Let every selector choose from every dataset's pool, and measure what it chose with MODEL."""
    loaded = load(params, model)
    for dataset in params.datasets:
        choose(params, loaded, model, dataset)


def choose(params: Params, loaded, model: str, dataset: str) -> None:  # type: ignore[no-untyped-def]
    from benchmark.activations.masks import MASKS
    from benchmark.models.budget import Budget
    from benchmark.quality import quality

    data = Dataset.read(params.dataset_folder(dataset))
    activations, qualities = (params.part(kind, model, dataset) for kind in ("activations", "quality"))
    budget = Budget(params.quality.token_budget)
    base = shard_key(params, "select", params.quality, params.dataset_folder(dataset), params.model_folder(model))
    work = work_folder(params, "select", f"{model}/{dataset}")
    keys: list[dict[str, Any]] = []

    def score_sets(members: NDArray[np.int64], queries: NDArray[np.int64]) -> tuple[Array, Array]:
        def compute(part: range) -> Arrays:
            scored = quality.score_sets(loaded, data, members[part.start : part.stop], queries, budget)
            return dict(zip(("log_probability", "performance"), scored, strict=True))

        keys.append(base | {"members": members.tolist(), "queries": queries.tolist()})
        label = f"select {model} {dataset}, {members.shape[1]} shots"
        parts = compute_shards(len(members), params.quality.shard, compute, work, keys[-1], label, budget)
        joined = concatenate(parts, parts[0])
        return joined["log_probability"], joined["performance"]

    table = evaluate(
        model=model,
        dataset=data,
        scores=read_arrays(activations / "scores.npz"),
        matrices=read_arrays(qualities / "matrices.npz"),
        uncertainty=read_table(qualities / "uncertainty.csv", text=("candidate",)),
        score_sets=score_sets,
        shots=params.selection.shots,
        draws=params.selection.random_draws,
        query_share=params.selection.query_share,
        seed=params.seed,
        unlabelled_masks=[name for name in params.extraction.masks if not MASKS[name].needs_label],
    )
    write_table(params.part("selection", model, dataset) / "selection.csv", table)
    for key in keys:
        discard(work, key)
