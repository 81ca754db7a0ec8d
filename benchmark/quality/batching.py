"""Which prefixes and queries go through the model together: rectangles of similar lengths under a token budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.models.budget import Budget

Indices = NDArray[np.int64]
FULL_ENOUGH = 0.25
"""A chunk of queries that fills this share of the budget takes in no longer query: a smaller batch beats padding."""


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
