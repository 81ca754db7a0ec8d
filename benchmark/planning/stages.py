"""What each stage of a profile costs, for one model on one dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmark.activations.attention import by_rule
from benchmark.activations.masks import MASKS, mask_strategy
from benchmark.activations.statistics import STATISTICS
from benchmark.models.budget import Budget
from benchmark.models.parameters import Shape
from benchmark.models.shape import weights
from benchmark.params import Params
from benchmark.planning.costs import DTYPE_BYTES, flops, peak_bytes
from benchmark.planning.lengths import Lengths
from benchmark.planning.machines import Machine
from benchmark.planning.passes import (
    Pass,
    Work,
    extraction_passes,
    scoring_passes,
    set_prefixes,
    total,
    uncertainty_passes,
)
from benchmark.quality.packing import chunks
from benchmark.selection import Pool, create

SHARD_START = 2.0
"""Seconds to start a process and import torch and transformers."""
USABLE = 0.9
"""Share of a GPU's memory that batches find: its context, and what falls between allocations, take the rest [ours]."""
SAMPLE = 1
"""Shards of prefixes that are walked: their lengths are drawn alike, so one tells what all take."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One stage of one cell. `written`: bytes of its outs; `peak`: bytes of device memory; `seconds` on the machine.

    `budget`: tokens of a batch, the parameter's or what is left of it once memory ran out as often as it will.
    """

    stage: str
    model: str
    dataset: str
    work: Work
    flops: int
    written: int
    peak: int
    seconds: float
    budget: int

    def fits(self, memory: int | None) -> bool:
        """Whether a memory of so many bytes holds its largest batch."""
        return memory is None or self.peak <= USABLE * memory


def costs(
    params: Params, model: str, dataset: str, shape: Shape, lengths: Lengths, dtype: str, machine: Machine
) -> list[Cost]:
    """What a model must do on one dataset; other stages, and an encoder of sentences, take seconds."""
    scoring, least = params.quality.token_budget, weights(shape) * DTYPE_BYTES[dtype]
    embedding = ((_embed, scoring),) if "hidden" in params.selection.features else ()
    stages = ((_extract, params.extraction.token_budget), (_quality, scoring), *embedding, (_select, scoring))
    return [
        _halved(partial(stage, params, model, dataset, shape, lengths, dtype, machine), budget, machine.memory, least)
        for stage, budget in stages
    ]


def _halved(cost_of: Callable[[int], Cost], budget: int, memory: int | None, least: int) -> Cost:
    """The cost with the largest budget that fits, as a run finds it; `least` bytes are needed with any."""
    cost = cost_of(budget)
    while not cost.fits(memory) and cost.budget > 1 and memory and least < USABLE * memory:
        cost = cost_of(cost.budget // 2)
    return cost


def seconds(work: Work, shape: Shape, dtype: str, machine: Machine) -> float:
    """FLOPs at the machine's rate, and for every pass the time that even an empty one takes.

    That time is the larger of launching the layers' kernels and of reading the weights once.
    """
    least = max(shape.layers * machine.layer_seconds, weights(shape) * DTYPE_BYTES[dtype] / machine.bandwidth)
    return flops(shape, work) / machine.rate + work.passes * least


def _cost(
    stage: str,
    names: tuple[str, str],
    passes: Sequence[Pass],
    prompts: int,
    written: int,
    shape: Shape,
    dtype: str,
    machine: Machine,
    budget: int,
    extra: float = 0.0,
) -> Cost:
    work = total(passes, prompts)
    load = SHARD_START + weights(shape) * DTYPE_BYTES[dtype] / 1e9  # read from disk at about 1 GB/s
    time = seconds(work, shape, dtype, machine) + extra + load
    return Cost(stage, *names, work, flops(shape, work), written, peak_bytes(shape, passes, dtype), time, budget)


def _extract(
    params: Params, model: str, dataset: str, shape: Shape, lengths: Lengths, dtype: str, machine: Machine, budget: int
) -> Cost:
    section = params.extraction
    rules = by_rule([mask_strategy(name) for name in section.masks])
    passes = list(extraction_passes(lengths, rules, budget, section.shard))
    sites, statistics = len(section.sites), len({name for names in section.sites.values() for name in names})
    numbers = total(passes).tokens * shape.layers * shape.hidden * sites
    shape_of_scores = (sites, len(section.masks), len(section.poolings), shape.layers, statistics)
    written = 8 * len(lengths.pool_input) * int(np.prod(shape_of_scores))
    return _cost(
        "extract",
        (model, dataset),
        passes,
        len(rules) * len(lengths.pool_input),
        written,
        shape,
        dtype,
        machine,
        budget,
        extra=numbers * machine.statistics,
    )


def _quality(
    params: Params, model: str, dataset: str, shape: Shape, lengths: Lengths, dtype: str, machine: Machine, budget: int
) -> Cost:
    section = params.quality
    queries, pool = len(lengths.query_input), len(lengths.pool_input)
    prefixes = lengths.bos + lengths.block
    shard, start = section.shard, np.array([lengths.bos], dtype=np.int64)
    passes = [
        *scoring_passes(lengths, prefixes, hidden=shape.hidden, token_budget=budget, shard=shard, sample=SAMPLE),
        *scoring_passes(lengths, start, hidden=shape.hidden, token_budget=budget, shard=shard),
        *uncertainty_passes(lengths, budget, shape.hidden),
    ]
    for size in section.set_sizes:
        passes += scoring_passes(
            lengths,
            set_prefixes(lengths, size, section.sets),
            hidden=shape.hidden,
            token_budget=budget,
            shard=shard,
            sample=SAMPLE,
        )
    sets = section.sets * len(section.set_sizes)
    written = 2 * 4 * queries * (pool + 1 + sets)
    prompts = queries * (pool + 1 + sets) + 2 * pool
    return _cost("quality", (model, dataset), passes, prompts, written, shape, dtype, machine, budget)


def _embed(
    params: Params, model: str, dataset: str, shape: Shape, lengths: Lengths, dtype: str, machine: Machine, budget: int
) -> Cost:
    sizes = lengths.bos + np.concatenate([lengths.pool_input, lengths.query_input])
    parts = chunks(sizes.tolist(), 1, Budget(budget))
    passes = [Pass(len(part), int(sizes[part].max()), whole=True) for part in parts]
    written = 4 * shape.hidden * len(sizes)
    return _cost("embed", (model, dataset), passes, len(sizes), written, shape, dtype, machine, budget)


def _select(
    params: Params, model: str, dataset: str, shape: Shape, lengths: Lengths, dtype: str, machine: Machine, budget: int
) -> Cost:
    section = params.selection
    judging = len(lengths.query_input) - round(section.query_share * len(lengths.query_input))
    queries = range(max(1, judging))
    sets = section.random_draws + count_selectors(params)
    shard = params.quality.shard
    passes: list[Pass] = []
    prompts = 0
    for shots in section.shots:
        if shots > 1:  # at one shot, the stored matrices hold every score
            passes += scoring_passes(
                lengths,
                set_prefixes(lengths, shots, sets),
                queries,
                hidden=shape.hidden,
                token_budget=budget,
                shard=shard,
            )
            prompts += sets * len(queries)
    return _cost(
        "select", (model, dataset), passes, prompts, 150 * sets * len(section.shots), shape, dtype, machine, budget
    )


def count_selectors(params: Params) -> int:
    """How many selectors choose: all that the registry makes of the profile's masks and statistics."""
    statistics = [name for name in STATISTICS if name in params.extraction.sites.get("mlp_output", ())]
    masks = params.extraction.masks
    pool = Pool(
        inputs=("a", "b"),
        scores=np.zeros((2, len(masks), len(statistics))),
        masks=tuple(masks),
        statistics=tuple(statistics),
        unlabelled_masks=tuple(name for name in masks if not MASKS[name].needs_label),
        perplexity=np.ones(2),
        predictive_entropy=np.ones(2),
        query_inputs=("c",),
        gain=np.zeros((2, 1)),
        feature_names=params.selection.features,
    )
    return sum(1 for _ in create(pool, params.selection.selectors))
