"""What each stage of a profile costs, for one model on one dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.activations.attention import by_rule
from benchmark.activations.masks import mask_strategy
from benchmark.models.budget import Budget
from benchmark.models.parameters import Shape
from benchmark.models.shape import weights
from benchmark.params import Params
from benchmark.planning.asking import count_selectors, round_prompts, wanted_prompts
from benchmark.planning.costs import DTYPE_BYTES, flops, peak_bytes
from benchmark.planning.lengths import Lengths
from benchmark.planning.machines import Machine
from benchmark.planning.passes import (
    Pass,
    Work,
    answering_passes,
    extraction_passes,
    scoring_passes,
    set_prefixes,
    total,
    uncertainty_passes,
)
from benchmark.quality.packing import chunks

SHARD_START = 2.0
"""Seconds to start a process and import torch and transformers."""
USABLE = 0.9
"""Share of a GPU's memory that batches find: its context, and what falls between allocations, take the rest [ours]."""
ANSWER_BYTES = 60
"""Of a row of answers.csv, about."""
ORDER_BYTES = 100
"""Of what a round adds to orders.csv, about."""
SAMPLE = 1
"""Shards of prefixes that are walked: their lengths are drawn alike, so one stands for all."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One stage of one cell. `written`: bytes of its outs; `peak`: bytes of device memory; `seconds` on the machine.

    `given`: tokens of a batch, the parameter; `budget`: what is left of it once memory ran out as often as it will.
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
    given: int

    def fits(self, memory: int | None) -> bool:
        """Whether a memory of so many bytes holds its largest batch."""
        return memory is None or self.peak <= USABLE * memory


@dataclass(frozen=True)
class Cell:
    """One model on one dataset, on a machine: what the costs of its stages depend on."""

    params: Params
    model: str
    dataset: str
    shape: Shape
    lengths: Lengths
    dtype: str
    machine: Machine

    def scoring(
        self, prefixes: NDArray[np.int64], budget: int, queries: range | None = None, sample: int | None = None
    ) -> Iterator[Pass]:
        """Queries (all, or of these indices) after `prefixes`, tokens [prefix], in the shards of the quality stage."""
        hidden, shard = self.shape.hidden, self.params.quality.shard
        return scoring_passes(
            self.lengths, prefixes, queries, hidden=hidden, token_budget=budget, shard=shard, sample=sample
        )

    def cost(
        self, stage: str, passes: Sequence[Pass], prompts: int, written: int, budget: int, extra: float = 0.0
    ) -> Cost:
        """`written`: bytes; `extra`: seconds beside the passes."""
        shape, dtype = self.shape, self.dtype
        work, peak = total(passes, prompts), peak_bytes(shape, passes, dtype)
        time = seconds(work, shape, dtype, self.machine) + extra + self.load
        return Cost(stage, self.model, self.dataset, work, flops(shape, work), written, peak, time, budget, budget)

    @property
    def load(self) -> float:
        """Seconds until a process has the model: read from disk at about 1 GB/s."""
        return SHARD_START + weights(self.shape) * DTYPE_BYTES[self.dtype] / 1e9


def costs(cell: Cell) -> list[Cost]:
    """What a model must do on one dataset. Other stages but `sae`, and an encoder of sentences, take seconds."""
    scoring = cell.params.quality.token_budget
    embedding = ((_embed, scoring),) if "hidden" in cell.params.selection.features else ()
    labelling = ((_label, scoring),) if cell.model in cell.params.selection.rounds.models else ()
    selecting = ((_answer, scoring), *labelling, (_select, scoring))
    stages = ((_extract, cell.params.extraction.token_budget), (_quality, scoring), *embedding, *selecting)
    return [_halved(cell, stage, budget) for stage, budget in stages]


def _halved(cell: Cell, stage: Callable[[Cell, int], Cost], budget: int) -> Cost:
    """The cost with the largest budget that fits, as a run finds it; the weights are needed with any."""
    least, memory = weights(cell.shape) * DTYPE_BYTES[cell.dtype], cell.machine.memory
    cost = stage(cell, budget)
    while not cost.fits(memory) and cost.budget > 1 and memory and least < USABLE * memory:
        cost = stage(cell, cost.budget // 2)
    return replace(cost, given=budget)


def seconds(work: Work, shape: Shape, dtype: str, machine: Machine) -> float:
    """FLOPs at the machine's rate, and for every pass the time that even an empty one takes.

    That time is the larger of launching the layers' kernels and of reading the weights once.
    """
    least = max(shape.layers * machine.layer_seconds, weights(shape) * DTYPE_BYTES[dtype] / machine.bandwidth)
    return flops(shape, work) / machine.rate + work.passes * least


def _extract(cell: Cell, budget: int) -> Cost:
    section, shape, candidates = cell.params.extraction, cell.shape, len(cell.lengths.pool_input)
    rules = by_rule([mask_strategy(name) for name in section.masks])
    passes = list(extraction_passes(cell.lengths, rules, budget, section.shard))
    sites, statistics = len(section.sites), len({name for names in section.sites.values() for name in names})
    numbers = total(passes).tokens * shape.layers * shape.hidden * sites
    scores = sites * len(section.masks) * len(section.poolings) * shape.layers * statistics
    taken = numbers * cell.machine.statistics
    return cell.cost("extract", passes, len(rules) * candidates, 8 * candidates * scores, budget, extra=taken)


def _quality(cell: Cell, budget: int) -> Cost:
    section, lengths = cell.params.quality, cell.lengths
    queries, pool = len(lengths.query_input), len(lengths.pool_input)
    passes = [
        *cell.scoring(lengths.bos + lengths.block, budget, sample=SAMPLE),
        *cell.scoring(np.array([lengths.bos], dtype=np.int64), budget),
        *uncertainty_passes(lengths, budget, cell.shape.hidden),
    ]
    for size in section.set_sizes:
        passes += cell.scoring(set_prefixes(lengths, size, section.sets), budget, sample=SAMPLE)
    rows = pool + 1 + section.sets * len(section.set_sizes)
    return cell.cost("quality", passes, queries * rows + 2 * pool, 2 * 4 * queries * rows, budget)


def _embed(cell: Cell, budget: int) -> Cost:
    sizes = cell.lengths.bos + np.concatenate([cell.lengths.pool_input, cell.lengths.query_input])
    parts = chunks(sizes.tolist(), 1, Budget(budget))
    passes = [Pass(len(part), int(sizes[part].max()), whole=True) for part in parts]
    return cell.cost("embed", passes, len(sizes), 4 * cell.shape.hidden * len(sizes), budget)


def _answer(cell: Cell, budget: int) -> Cost:
    prompts = [] if cell.model in cell.params.selection.unasked else wanted_prompts(cell.params, cell.lengths)
    size = cell.params.quality.shard * len(cell.lengths.query_input)
    passes = [
        each
        for start in range(0, len(prompts), size)
        for each in answering_passes(cell.lengths, prompts[start : start + size], budget, cell.shape.hidden)
    ]
    return cell.cost("answer", passes, len(prompts), ANSWER_BYTES * len(prompts), budget)


def _label(cell: Cell, budget: int) -> Cost:
    rounds, hidden = round_prompts(cell.params, cell.lengths), cell.shape.hidden
    passes = [each for prompts in rounds for each in answering_passes(cell.lengths, prompts, budget, hidden)]
    return cell.cost("label", passes, sum(map(len, rounds)), ORDER_BYTES * len(rounds), budget)


def _select(cell: Cell, budget: int) -> Cost:
    section, asked = cell.params.selection, len(cell.lengths.query_input)
    queries = range(max(1, asked - round(section.query_share * asked)))
    sets = section.random_draws + count_selectors(cell.params)
    scored = [shots for shots in section.shots if shots > 1]  # at one shot, the stored matrices hold every score
    prefixes = (set_prefixes(cell.lengths, shots, sets) for shots in scored)
    passes = [each for part in prefixes for each in cell.scoring(part, budget, queries)]
    return cell.cost("select", passes, sets * len(queries) * len(scored), 150 * sets * len(section.shots), budget)
