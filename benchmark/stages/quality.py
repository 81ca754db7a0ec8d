"""quality@M: what every candidate, and every random set of them, does for every query."""

from __future__ import annotations

import numpy as np

from benchmark.artefacts.matrices import Matrices
from benchmark.artefacts.sets import Sets, write_sets
from benchmark.artefacts.uncertainty import write_uncertainty
from benchmark.params import Params
from benchmark.seeds import generator
from benchmark.shards import Arrays, compute_shards, concatenate, discard
from benchmark.stages.computing import load, shard_key, work_folder
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset


@stage(
    per="model",
    parameters=("quality", "seed", *COMPUTED),
    inputs=("{data}/datasets", "{data}/models/{model}"),
    outs=(Out("{data}/quality/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Score every candidate of every dataset with every query under MODEL.

    The log-probability of each query's target and the task's metric, with each candidate as the one demonstration; and
    the same for random sets of demonstrations. An interrupted run resumes.
    """
    loaded = load(params, model)
    for dataset in params.datasets:
        measure(params, loaded, model, dataset)


def measure(params: Params, loaded, model: str, dataset: str) -> None:  # type: ignore[no-untyped-def]
    from benchmark.models.budget import Budget
    from benchmark.quality import quality
    from benchmark.quality.uncertainty import measure_uncertainty

    section = params.quality
    out = params.part("quality", model, dataset)
    data = Dataset.read(params.dataset_folder(dataset))
    budget = Budget(section.token_budget)
    key = shard_key(params, "quality", section, params.dataset_folder(dataset), params.model_folder(model))
    set_keys = {size: key | {"size": size, "seed": params.seed} for size in section.set_sizes}
    work = work_folder(params, "quality", f"{model}/{dataset}")
    name = f"{model} {dataset}"

    def one_shot(part: range) -> Arrays:
        return quality.measure_quality(loaded, data, part, budget).arrays()

    shards = compute_shards(len(data.pool), section.shard, one_shot, work, key, f"quality {name}", budget)
    sets: dict[int, Sets] = {}
    for size in section.set_sizes:
        draw = generator(params.seed, "sets", dataset, size)  # the same sets for every model
        members = quality.draw_sets(len(data.pool), size, section.sets, draw)

        def several_shots(part: range, members: np.ndarray = members) -> Arrays:
            chosen = members[part.start : part.stop]
            scored = quality.score_sets(loaded, data, chosen, range(len(data.queries)), budget)
            return dict(zip(("members", "log_probability", "performance"), (chosen, *scored), strict=True))

        label = f"{size}-shot sets {name}"
        parts = compute_shards(section.sets, section.shard, several_shots, work, set_keys[size], label, budget)
        sets[size] = Sets(**concatenate(parts, parts[0]))

    matrices = Matrices(**quality.assemble(data, quality.zero_shot(loaded, data, budget), shards))
    uncertainty = measure_uncertainty(loaded, data, budget)
    matrices.write(out)
    write_sets(out, sets)
    write_uncertainty(out, uncertainty)
    for part in (key, *set_keys.values()):
        discard(work, part)
