"""Which activation vectors make up which sequence: what a statistic over a whole sequence needs to know.

A pass gives rows [row, hidden]. An entry is a row seen as a token of a sequence; the entries of a sequence stand side
by side. In a plain pass every real token is a row and an entry. Where a vector is computed once for several tokens, its
row has several entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Sequences:
    """Entries `bounds[s]` to `bounds[s + 1]` are those of sequence s; `bounds` starts with 0.

    `rows`: int64 [entry], the row of each entry; None: entry i is row i. `wanted`: int64 [k], the entries whose
    statistics are asked for; None: all. A sequence counts all its entries, wanted or not. Tensors are on `device`, as
    the rows are.
    """

    bounds: tuple[int, ...]
    rows: Tensor | None = None
    wanted: Tensor | None = None
    device: torch.device = CPU

    @classmethod
    def alone(cls, rows: Tensor) -> Sequences:
        """Every row a sequence of its own."""
        return cls(tuple(range(len(rows) + 1)), device=rows.device)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @cached_property
    def entry_row(self) -> Tensor:
        """int64 [entry]: its row."""
        return torch.arange(self.bounds[-1], device=self.device) if self.rows is None else self.rows

    @cached_property
    def entry_sequence(self) -> Tensor:
        """int64 [entry]: the sequence that it belongs to."""
        return torch.repeat_interleave(self.length, output_size=self.bounds[-1])

    @cached_property
    def length(self) -> Tensor:
        """int64 [sequence]: its entries."""
        return torch.tensor(self.bounds, device=self.device).diff()

    @cached_property
    def row(self) -> Tensor:
        """int64 [wanted entry]: its row."""
        return self.entry_row if self.wanted is None else self.entry_row[self.wanted]

    @cached_property
    def sequence(self) -> Tensor:
        """int64 [wanted entry]: the sequence that it belongs to."""
        return self.entry_sequence if self.wanted is None else self.entry_sequence[self.wanted]

    @cached_property
    def _distinct(self) -> tuple[Tensor, Tensor]:
        distinct, place = torch.unique(self.row, return_inverse=True)
        return distinct, place

    def each_row(self, rows: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
        """`compute` of the rows that wanted entries have, each row once: [wanted entry, whatever it gives]."""
        if self.rows is None:
            return compute(rows if self.wanted is None else rows[self.row])
        distinct, place = self._distinct
        return compute(rows if len(distinct) == len(rows) else rows[distinct])[place]

    def stacked(self, entries: int) -> list[tuple[Tensor, slice | Tensor]]:
        """Sequences of equal length together, at most `entries` entries or one sequence: their numbers, and their rows.

        The rows are a slice, which copies nothing, where they stand side by side.
        """
        if entries not in self._stacks:
            self._stacks[entries] = list(self._stack(entries))
        return self._stacks[entries]

    @cached_property
    def _stacks(self) -> dict[int, list[tuple[Tensor, slice | Tensor]]]:
        return {}

    def _stack(self, most: int) -> Iterator[tuple[Tensor, slice | Tensor]]:
        bounds = torch.tensor(self.bounds)
        lengths, starts = bounds.diff(), bounds[:-1]
        for length in sorted(set(lengths.tolist())):
            for numbers in (lengths == length).nonzero()[:, 0].split(max(1, most // length)):
                rows = (starts[numbers, None] + torch.arange(length)).flatten().to(self.device)
                if self.rows is not None:
                    rows = self.rows[rows]
                first = int(rows[0])
                together = torch.equal(rows, torch.arange(first, first + len(rows), device=self.device))
                yield numbers, slice(first, first + len(rows)) if together else rows
