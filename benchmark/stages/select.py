"""select@M-D: what every selector chooses, and how good that is on queries that took no part in choosing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.artefacts.matrices import Matrices
from benchmark.artefacts.scores import ActivationScores
from benchmark.artefacts.selection import write_selection
from benchmark.artefacts.uncertainty import read_uncertainty
from benchmark.params import Params
from benchmark.selection import evaluate
from benchmark.shards import Arrays, compute_shards, concatenate, discard
from benchmark.stages.computing import load, shard_key, work_folder
from benchmark.tasks.dataset import Dataset

Array = NDArray[Any]


def run(params: Params, model: str, dataset: str) -> None:
    from benchmark.activations.masks import MASKS
    from benchmark.models.budget import Budget
    from benchmark.quality import quality

    data = Dataset.read(params.dataset_folder(dataset))
    activations, qualities = (params.cell(kind, model, dataset) for kind in ("activations", "quality"))
    loaded = load(params, model)
    budget = Budget(params.quality.token_budget)
    base = shard_key(params, "select", params.quality, params.dataset_folder(dataset), params.model_folder(model))
    name = f"{model}-{dataset}"
    work = work_folder(params, "select", name)
    keys: list[dict[str, Any]] = []

    def score_sets(members: NDArray[np.int64], queries: NDArray[np.int64]) -> tuple[Array, Array]:
        def compute(part: range) -> Arrays:
            scored = quality.score_sets(loaded, data, members[part.start : part.stop], queries, budget)
            return dict(zip(("log_probability", "performance"), scored, strict=True))

        keys.append(base | {"members": members.tolist(), "queries": queries.tolist()})
        label = f"select {name}, {members.shape[1]} shots"
        parts = compute_shards(len(members), params.quality.shard, compute, work, keys[-1], label, budget)
        joined = concatenate(parts, parts[0])
        return joined["log_probability"], joined["performance"]

    table = evaluate(
        model=model,
        dataset=data,
        scores=ActivationScores.read(activations).arrays(),
        matrices=Matrices.read(qualities).arrays(),
        uncertainty=read_uncertainty(qualities),
        score_sets=score_sets,
        shots=params.selection.shots,
        draws=params.selection.random_draws,
        query_share=params.selection.query_share,
        seed=params.seed,
        unlabelled_masks=[mask for mask in params.extraction.masks if not MASKS[mask].needs_label],
    )
    write_selection(params.data / "selection" / model / f"{dataset}.csv", table)
    for key in keys:
        discard(work, key)
