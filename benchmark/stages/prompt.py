"""prompt@M: the prompts that selectors want run before they choose.

They are a file of their own, so that what a model said to them holds for as long as the prompts are the same, whatever
else changes in a selector.
"""

from __future__ import annotations

from benchmark.artefacts.prompts import write_prompts
from benchmark.params import Params
from benchmark.stages.names import POOL, POOL_INHERITED
from benchmark.stages.pools import listed, read_material, read_pool, wanted
from benchmark.stages.stage import Out, stage


@stage(
    per="model",
    parameters=(*POOL, "selection.unasked", "selection.shots"),
    inherited=POOL_INHERITED,
    inputs=(
        "{data}/datasets",
        "{data}/activations/{model}",
        "{data}/quality/{model}",
        "{data}/embeddings/{model}",
        "{data}/features",
    ),
    outs=(Out("{data}/prompts/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Write the prompts that selectors want run with MODEL before they choose; `answer` runs them."""
    for dataset in params.datasets:
        material = read_material(params, model, dataset)
        pool = read_pool(params, model, dataset, material)
        plans = wanted(params, model, pool).values()
        distinct = {prompt for prompts in plans for prompt in listed(prompts, material.judging)}
        write_prompts(params.prompts(model, dataset), sorted(distinct))
