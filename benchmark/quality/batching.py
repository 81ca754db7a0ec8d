"""Which prefixes and queries go through the model together: rectangles of similar lengths under a token budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError

Indices = NDArray[np.int64]
FULL_ENOUGH = 0.25
"""A chunk of queries that fills this share of the budget takes in no longer query: a smaller batch beats padding."""


@dataclass(slots=True)
class Budget:
    """Tokens of one forward pass; halved, for good, each time the device runs out of memory.

    `real` and `padded` count what went through the model: padding's share is `waste`.
    """

    tokens: int
    real: int = 0
    padded: int = 0

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise BenchmarkError(f"a token budget of {self.tokens} holds no token: give at least 1")

    @property
    def waste(self) -> float:
        """Share of the computed tokens that is padding, 0 to 1."""
        return 1 - self.real / self.padded if self.padded else 0.0

    def count(self, real: int, padded: int) -> None:
        self.real += real
        self.padded += padded

    def fits(self, run: Callable[[], None]) -> bool:
        """Runs `run`; where memory runs out, halves the budget and returns False."""
        try:
            run()
            return True
        except torch.OutOfMemoryError:
            pass  # leave the block first: the traceback holds the tensors
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self.tokens == 1:
            raise BenchmarkError("out of memory with a single prompt in the batch: use a smaller model or dtype")
        self.tokens = max(1, self.tokens // 2)
        return False


def groups(lengths: Sequence[int], budget: Budget) -> Iterator[Indices]:
    """Indices of all prefixes, by length, in groups of at most `budget.tokens` padded tokens (or one prefix)."""
    order = np.argsort(lengths, kind="stable").astype(np.int64)
    first = 0
    while first < len(order):
        last = first + 1
        while last < len(order) and lengths[order[last]] * (last + 1 - first) <= budget.tokens:
            last += 1
        yield order[first:last]
        first = last


def chunks(lengths: Sequence[int], rows: int, budget: Budget) -> Iterator[Indices]:
    """Indices of all queries, by length, in chunks such that `rows` prefixes by a chunk's queries are a good batch.

    A chunk stays within the budget, and ends before a longer query once it is full enough.
    """
    order = np.argsort(lengths, kind="stable").astype(np.int64)
    first = 0
    while first < len(order):
        last = first + 1
        while last < len(order):
            length, now = lengths[order[last]], lengths[order[last - 1]]
            if length * (last + 1 - first) * rows > budget.tokens:
                break
            if length > now and now * (last - first) * rows >= FULL_ENOUGH * budget.tokens:
                break
            last += 1
        yield order[first:last]
        first = last


def slices(count: int, tokens: int, budget: Budget) -> Iterator[slice]:
    """`range(count)` in slices, each of at most `budget.tokens` when an item takes `tokens`; at least one item."""
    first = 0
    while first < count:
        last = min(count, first + max(1, budget.tokens // tokens))
        yield slice(first, last)
        first = last


def halves(indices: Indices) -> list[Indices]:
    return [half for half in np.array_split(indices, 2) if half.size]
