"""The walk over every prefix by every query: each prefix is encoded once, all its queries continue from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedModel

from benchmark.models.budget import Budget
from benchmark.quality.batching import Indices, chunks, groups, halves, slices
from benchmark.quality.context import Block, Level, extend
from benchmark.quality.prompts import Prefix
from benchmark.tasks.tokens import Ids

Visit = Callable[[Indices, Indices, tuple[Level, ...]], None]
"""(prefixes [n], queries [q], levels): a pass over n * q rows, row i * q + j being query j behind prefix i."""


def pad(model: PreTrainedModel, sequences: Sequence[Ids]) -> tuple[Tensor, Tensor]:
    """Ids int64 [row, token], right-padded with 0 (any token would do: nothing attends to it), and lengths [row]."""
    lengths = np.array([len(ids) for ids in sequences], dtype=np.int64)
    padded = np.zeros((len(sequences), int(lengths.max())), dtype=np.int64)
    for row, ids in zip(padded, sequences, strict=True):
        row[: len(ids)] = ids
    return torch.from_numpy(padded).to(model.device), torch.from_numpy(lengths).to(model.device)


@torch.inference_mode()
def share(
    model: PreTrainedModel,
    prefixes: Sequence[Prefix],
    lengths: Sequence[int],
    budget: Budget,
    visit: Visit,
    label: str = "scoring",
) -> None:
    """Calls `visit` for rectangles that cover every prefix by every query once; `lengths` are the queries' tokens.

    A rectangle that runs out of memory is visited again in halves, so `visit` must not depend on what it did before.
    """
    walk = _Walk(model, prefixes, lengths, budget, visit)
    with tqdm(total=len(prefixes) * len(lengths), desc=label, unit="prompt", disable=None) as progress:
        walk.done = progress.update
        for group in groups([len(prefix.ids) for prefix in prefixes], budget):
            walk.group(group)


class _Walk:
    def __init__(
        self,
        model: PreTrainedModel,
        prefixes: Sequence[Prefix],
        lengths: Sequence[int],
        budget: Budget,
        visit: Visit,
    ) -> None:
        self.model, self.prefixes, self.lengths = model, prefixes, np.asarray(lengths)
        self.budget, self.visit = budget, visit
        self.done: Callable[[int], bool | None] = lambda count: None

    def group(self, group: Indices) -> None:
        encoded: list[Block | None] = []
        if not self.budget.fits(lambda: encoded.append(self.encode(group))):
            for half in halves(group):
                self.group(half)
            return
        for chunk in chunks(self.lengths.tolist(), len(group), self.budget):
            tokens = len(chunk) * int(self.lengths[chunk].max())
            for part in slices(len(group), tokens, self.budget):
                block = encoded[0].cut(part) if encoded[0] else None
                self.rectangle(group[part], chunk, block)

    def encode(self, group: Indices) -> Block | None:
        sequences = [self.prefixes[index].ids for index in group]
        if not any(sequences):
            return None
        ids, lengths = pad(self.model, sequences)
        self.budget.count(sum(map(len, sequences)), ids.numel())
        return extend(self.model, ids, lengths, (), store=True).block

    def rectangle(self, rows: Indices, chunk: Indices, block: Block | None) -> None:
        levels = (Level(block),) if block else ()
        if self.budget.fits(lambda: self.visit(rows, chunk, levels)):
            needed = int(self.lengths[chunk].sum()) * len(rows)
            self.budget.count(needed, len(rows) * len(chunk) * int(self.lengths[chunk].max()))
            self.done(len(rows) * len(chunk))
        elif len(rows) > 1:
            for half in halves(np.arange(len(rows))):
                self.rectangle(rows[half], chunk, block.cut(slice(half[0], half[-1] + 1)) if block else None)
        else:
            for half in halves(chunk):
                self.rectangle(rows, half, block)
