"""Which prompts go through the model together: packs of queries, and batches of them under a token budget."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.models.budget import Budget

Indices = NDArray[np.int64]
Pack = tuple[int, ...]
"""Indices of queries that stand in one row."""
FULL_ENOUGH = 0.25
"""A chunk of packs that fills this share of the budget takes in no longer pack: a smaller batch beats padding."""
WIDEST = 512
"""Tokens of a pack: enough for the largest matrix products, and a mask of a megabyte a row."""


def pack_width(hidden: int) -> int:
    """Tokens that a pack should have in a model of that width.

    In a pack every token meets the keys of all others, most of them masked: attention's cost grows with the width, that
    of copying a prefix's keys falls. A token's other products cost as much as about 6 `hidden` keys.
    """
    return min(WIDEST, max(32, hidden // 2))


def packs(sizes: Sequence[int], width: int) -> list[Pack]:
    """Indices of all queries of `sizes` tokens in packs of about `width` tokens, nearly equal in their sums.

    As many as it takes at least; the largest query first, each into the pack that has the fewest tokens so far.
    """
    count = min(len(sizes), max(1, -(-sum(sizes) // width)))
    filled: list[tuple[int, int]] = [(0, pack) for pack in range(count)]
    members: list[list[int]] = [[] for _ in range(count)]
    for index in np.argsort(-np.asarray(sizes), kind="stable").tolist():
        tokens, pack = heapq.heappop(filled)
        members[pack].append(index)
        heapq.heappush(filled, (tokens + sizes[index], pack))
    return [tuple(sorted(pack)) for pack in members]


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
    """Indices of all packs, by length, in chunks such that `rows` prefixes by a chunk's packs are a good batch.

    A chunk stays within the budget, and ends before a longer pack once it is full enough.
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


def in_two(indices: Indices) -> list[Indices]:
    """Both parts of `indices`; a single one stays whole."""
    return [part for part in np.array_split(indices, 2) if part.size]
