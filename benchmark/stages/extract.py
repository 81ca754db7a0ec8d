"""extract@M-D: activation statistics of every candidate of a pool."""

from __future__ import annotations

from benchmark.params import Params
from benchmark.shards import Arrays, compute_shards, concatenate, discard
from benchmark.stages.computing import load, shard_key, work_folder
from benchmark.tasks.dataset import Dataset


def run(params: Params, model: str, dataset: str) -> None:
    from benchmark.activations.extraction import extract
    from benchmark.activations.statistics import Thresholds
    from benchmark.artefacts.scores import PER_CANDIDATE, ActivationScores
    from benchmark.models.budget import Budget

    section = params.extraction
    out = params.cell("activations", model, dataset)
    pool = Dataset.read(params.dataset_folder(dataset)).pool
    loaded = load(params, model)
    budget = Budget(section.token_budget)

    def compute(part: range) -> Arrays:
        return extract(
            loaded,
            pool[part.start : part.stop],
            masks=section.masks,
            sites={str(site): names for site, names in section.sites.items()},
            poolings=section.poolings,
            thresholds=Thresholds(section.massive_absolute, section.massive_ratio),
            token_budget=budget,
            kernel=section.kernel,
            mlp=params.models[model].mlp,
        ).arrays()

    key = shard_key(params, "extract", section, params.dataset_folder(dataset), params.model_folder(model))
    name = f"{model}-{dataset}"
    work = work_folder(params, "extract", name)
    shards = compute_shards(len(pool), section.shard, compute, work, key, f"extract {name}", budget)
    ActivationScores(**concatenate(shards, PER_CANDIDATE)).write(out)
    discard(work, key)
