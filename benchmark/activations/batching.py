"""Batches of similar length under a token budget: what sorting by length saves in padding."""

from __future__ import annotations

from collections.abc import Sequence


def length_batches(lengths: Sequence[int], token_budget: int, items: Sequence[int] | None = None) -> list[list[int]]:
    """Batches of `items` (default: all indices), longest first, each at most `token_budget` tokens with its padding.

    One item alone may exceed the budget. `lengths[i]` belongs to `items[i]`.
    """
    names = range(len(lengths)) if items is None else items
    batches: list[list[int]] = []
    longest = 0
    for length, item in sorted(zip(lengths, names, strict=True), key=lambda pair: (-pair[0], pair[1])):
        if not batches or (len(batches[-1]) + 1) * longest > token_budget:
            batches.append([])
            longest = length
        batches[-1].append(item)
    return batches


def padding_waste(lengths: Sequence[int], token_budget: int) -> float:
    """The share of computed tokens that are padding, in the batches of `length_batches`."""
    batches = length_batches(lengths, token_budget)
    computed = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - sum(lengths) / computed
