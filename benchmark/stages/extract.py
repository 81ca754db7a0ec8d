"""extract@M: activation statistics of every candidate of every pool."""

from __future__ import annotations

from benchmark.params import Params
from benchmark.shards import Arrays, compute_shards, concatenate, discard
from benchmark.stages.computing import load, shard_key, work_folder
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset


@stage(
    per="model",
    parameters=("extraction", "models.{model}", *COMPUTED),
    inputs=("{data}/datasets", "{data}/models/{model}"),
    outs=(Out("{data}/activations/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Take the activation statistics of MODEL over the pool of every dataset.

    Every mask strategy, statistic, pooling, site and layer, in one run; strategies that share an attention rule share
    a forward pass, and no activation is kept. An interrupted run resumes.
    """
    from benchmark.activations.extraction import extract
    from benchmark.activations.group import Thresholds
    from benchmark.artefacts.scores import PER_CANDIDATE, ActivationScores
    from benchmark.models.budget import Budget

    section = params.extraction
    loaded = load(params, model)
    for dataset in params.datasets:
        out = params.part("activations", model, dataset)
        pool = Dataset.read(params.dataset_folder(dataset)).pool
        budget = Budget(section.token_budget)

        def compute(part: range, pool=pool, budget=budget) -> Arrays:  # type: ignore[no-untyped-def]
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
        work = work_folder(params, "extract", f"{model}/{dataset}")
        label = f"extract {model} {dataset}"
        shards = compute_shards(len(pool), section.shard, compute, work, key, label, budget)
        ActivationScores(**concatenate(shards, PER_CANDIDATE)).write(out)
        discard(work, key)
