"""What a candidate has to write, as a number: what is held fixed when a claim is read given the target.

Candidates have the same target where they share its text; where nobody shares it, its label stands for it; a candidate
with neither has a target of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.tasks.example import Example

SHARED = 0.5
"""At least this share of the candidates must share their target with another, or it cannot be held fixed."""


class Targets(NamedTuple):
    """`pool` int32 [candidate] and `queries` int32 [query]: equal numbers for equal targets, in order of appearance;
    `problem`: why the targets cannot be held fixed, or nothing.
    """

    pool: NDArray[np.int32]
    queries: NDArray[np.int32]
    problem: str


def identify(pool: Sequence[Example], queries: Sequence[Example]) -> Targets:
    """Numbers the targets of a pool and its queries, the pool's first."""
    texts = Counter(example.target for example in pool)
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for example in pool:
        labels[example.target].add(example.label)
    numbers: dict[tuple[str, str], int] = {}

    def number(example: Example) -> int:
        shared = texts[example.target] > 1 or not example.label
        key = ("text", example.target) if shared else ("label", example.label)
        return numbers.setdefault(key, len(numbers))

    own = np.array([number(example) for example in pool], dtype=np.int32)
    theirs = np.array([number(example) for example in queries], dtype=np.int32)
    split = next((text for text, names in labels.items() if len(names) > 1), None)
    problem = (
        f"label and target disagree: {split!r} has the labels {', '.join(sorted(labels[split]))}"
        if split is not None
        else unshared(own)
    )
    return Targets(own, theirs, problem)


def unshared(target: NDArray[np.integer]) -> str:
    """Why targets, numbered [candidate], cannot be held fixed: too few candidates share theirs. Else nothing."""
    _, counts = np.unique(target, return_counts=True)
    alone = int((counts == 1).sum())
    if len(target) - alone < SHARED * len(target):
        return f"nearly all targets differ: {alone} of {len(target)} candidates have one of their own"
    return ""
