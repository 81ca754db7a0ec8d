"""The walk over every prefix by every query: each prefix is encoded once, all its queries continue from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from tqdm import tqdm
from transformers import PreTrainedModel

from benchmark.models.budget import Budget
from benchmark.quality.context import KeysValues, Past, Run
from benchmark.quality.packing import Indices, Pack, chunks, groups, in_two, pack_width, packs, slices
from benchmark.quality.prompts import Prefix
from benchmark.quality.trees import Rows, grow, grow_sorted
from benchmark.tasks.tokens import Ids

Visit = Callable[[Indices, tuple[Pack, ...], Past | None], None]
"""(prefixes [n], packs of queries [p], past): a pass over n * p rows, row i * p + j being pack j after prefix i."""
SHARE = 0.8
"""Prefixes are encoded as trees where those have less than this share of their tokens."""


@torch.inference_mode()
def share(
    model: PreTrainedModel,
    prefixes: Sequence[Prefix],
    sizes: Sequence[int],
    budget: Budget,
    visit: Visit,
    label: str = "scoring",
) -> None:
    """Calls `visit` for packs of queries that cover every prefix by every query once; `sizes` are the queries' tokens.

    What runs out of memory is visited again in halves, so `visit` must not depend on what it did before.
    """
    walk = _Walk(model, prefixes, sizes, budget, visit)
    with tqdm(total=len(prefixes) * len(sizes), desc=label, unit="prompt", disable=None) as progress:
        walk.done = progress.update
        for group in groups([len(prefix.ids) for prefix in prefixes], budget):
            walk.group(group)


class _Walk:
    def __init__(
        self, model: PreTrainedModel, prefixes: Sequence[Prefix], sizes: Sequence[int], budget: Budget, visit: Visit
    ) -> None:
        self.model, self.prefixes, self.sizes = model, prefixes, np.asarray(sizes)
        self.budget, self.visit = budget, visit
        self.width = pack_width(int(model.config.get_text_config().hidden_size))
        self.packs = packs(sizes, min(self.width, budget.tokens))
        self.widths = [self.tokens(pack) for pack in self.packs]
        self.done: Callable[[int], bool | None] = lambda count: None

    def tokens(self, pack: Pack) -> int:
        return int(self.sizes[list(pack)].sum())

    def group(self, group: Indices) -> None:
        encoded: list[KeysValues | None] = []
        if not self.budget.fits(lambda: encoded.append(self.encode(group))):
            for half in in_two(group):
                self.group(half)
            return
        for chunk in chunks(self.widths, len(group), self.budget):
            tokens = len(chunk) * max(self.widths[k] for k in chunk)
            for part in slices(len(group), tokens, self.budget):
                block = encoded[0].cut(part) if encoded[0] else None
                self.rectangle(group[part], tuple(self.packs[k] for k in chunk), block)

    def encode(self, group: Indices) -> KeysValues | None:
        """Keys and values of some prefixes; what they begin with together is computed once where that pays."""
        sequences = [self.prefixes[index].ids for index in group]
        lengths = np.array([len(ids) for ids in sequences], dtype=np.int64)
        if not lengths.any():
            return None
        order = sorted(range(len(sequences)), key=sequences.__getitem__)
        rows = list(_rows([sequences[k] for k in order], self.width))
        trees = [grow_sorted([sequences[order[k]] for k in row]) for row in rows]
        if sum(map(len, trees)) >= SHARE * lengths.sum():
            plain = Rows.of([grow([ids], [0]) for ids in sequences])
            self.budget.count(int(lengths.sum()), plain.ids.size)
            return Run(self.model, plain, store=True).keys_values(lengths)
        packed = Rows.of(trees)
        self.budget.count(sum(map(len, trees)), packed.ids.size)
        block = Run(self.model, packed, store=True).keys_values(np.array([len(tree) for tree in trees]))
        row = np.empty(len(group), dtype=np.int64)
        places = np.zeros((len(group), int(lengths.max())), dtype=np.int64)
        for number, (members, tree) in enumerate(zip(rows, trees, strict=True)):
            for k, path in zip(members, tree.paths, strict=True):
                row[order[k]] = number
                places[order[k], : len(path)] = path
        return block.paths(row, places, lengths)

    def rectangle(self, rows: Indices, chunk: tuple[Pack, ...], block: KeysValues | None) -> None:
        past = Past(block, np.repeat(np.arange(len(rows)), len(chunk))) if block else None
        sizes = [self.tokens(pack) for pack in chunk]
        if self.budget.fits(lambda: self.visit(rows, chunk, past)):
            self.budget.count(sum(sizes) * len(rows), len(rows) * len(chunk) * max(sizes))
            self.done(len(rows) * sum(map(len, chunk)))
        elif len(rows) > 1:
            for half in in_two(np.arange(len(rows))):
                self.rectangle(rows[half], chunk, block.cut(slice(half[0], half[-1] + 1)) if block else None)
        elif len(chunk) > 1:
            for few in (chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]):
                self.rectangle(rows, few, block)
        else:
            for half in in_two(np.array(chunk[0])):
                self.rectangle(rows, (tuple(half.tolist()),), block)


def _rows(sequences: Sequence[Ids], width: int) -> list[range]:
    """Sorted sequences in consecutive rows of about `width` tokens, sharing not counted."""
    rows, first, tokens = [], 0, 0
    for k, ids in enumerate(sequences):
        if k > first and tokens + len(ids) > width:
            rows.append(range(first, k))
            first, tokens = k, 0
        tokens += len(ids)
    return [*rows, range(first, len(sequences))]
