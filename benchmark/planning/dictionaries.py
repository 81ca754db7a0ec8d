"""What the `sae` stage of a model costs: text read up to one layer, dictionaries trained and measured, pools scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmark.activations.batching import length_batches
from benchmark.models.shape import weights
from benchmark.params import SaeModel
from benchmark.planning.costs import DTYPE_BYTES, flops, peak_bytes
from benchmark.planning.passes import Pass, total
from benchmark.planning.stages import Cell, Cost, seconds
from benchmark.stages.sae import CROSS_ENTROPY

ADAM = 7
"""Numbers that Adam reads and writes of each weight: itself, its gradient, two moments; all but the gradient again."""
STEP = 16
"""How often a step reads or writes the activations of all features, for the threshold and what is kept [ours]."""


def dictionary_cost(cells: Sequence[Cell]) -> Cost:
    """All dictionaries of a model; `cells` are the model's, one a dataset.

    The text that is left over is taken to be there in full, in texts as long as the candidates.
    """
    cell = cells[0]
    section, shape, machine, dtype = cell.params.sae.models[cell.model], cell.shape, cell.machine, cell.dtype
    sizes = np.concatenate([each.lengths.bos + each.lengths.pool_input + each.lengths.pool_target for each in cells])
    batches = length_batches(sizes.tolist(), section.token_budget)
    pools = [Pass(len(batch), int(sizes[batch].max()), whole=True) for batch in batches]
    rows = int((sizes - 1).sum())  # position 0 is left out
    text = [replace(each, times=(section.tokens + section.held_out) / rows) for each in pools]
    patched = 3 * len(section.sites) * CROSS_ENTROPY / rows  # as it is, with reconstructions, with zeros
    whole = [replace(each, times=patched, logits=each.rows * each.tokens) for each in pools]
    below = shape.model_copy(update={"layers": section.layer + 1})
    reading, measuring = total([*pools, *text], len(sizes)), total(whole)
    training = training_flops(section, shape.hidden)
    encoding = 4 * section.width * shape.hidden * len(section.sites) * (section.held_out + rows + CROSS_ENTROPY)
    numbers = 2 * section.width * shape.hidden  # weights of one dictionary
    trained = section.tokens * shape.hidden + 4 * numbers  # vectors; weights, gradients and moments
    steps = len(section.sites) * section.epochs * section.tokens // section.batch
    moved = 4 * steps * (ADAM * numbers + STEP * section.batch * section.width)
    return Cost(
        stage="sae",
        model=cell.model,
        dataset="",
        work=replace(reading, passes=reading.passes + measuring.passes, tokens=reading.tokens + measuring.tokens),
        flops=flops(below, reading) + flops(shape, measuring) + training + encoding,
        written=4 * numbers * len(section.sites),
        peak=max(peak_bytes(shape, pools, dtype), weights(shape) * DTYPE_BYTES[dtype] + 4 * trained),
        seconds=seconds(reading, below, dtype, machine)
        + seconds(measuring, shape, dtype, machine)
        + (training + encoding) / machine.rate
        + moved / machine.bandwidth
        + cell.load,
        budget=section.token_budget,
        given=section.token_budget,
    )


def training_flops(section: SaeModel, hidden: int) -> int:
    """Every vector meets all features once; in the four other products only the features at work take part."""
    each = 2 * section.width * hidden + 4 * 2 * section.active * hidden
    return len(section.sites) * section.epochs * section.tokens * each
