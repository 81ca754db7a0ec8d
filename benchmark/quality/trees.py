"""Token sequences that begin alike, laid out in one row so that each token stands, and is computed, once.

    row:  w h o  i s  |  Ann  |  Bob          sequences: "who is Ann", "who is Bob"

A row is a tree in depth-first order. A token attends to the tokens on its own path, which are those before it whose
subtree has not ended: `end[k]` is the place after the last token of k's subtree, so t sees k where k <= t < end[k].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmark.tasks.tokens import Ids

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tree:
    """One row: `ids`, `depth` (tokens before it on its path) and `end`, int64 [token]; `paths`: places [sequence]."""

    ids: Places
    depth: Places
    end: Places
    paths: tuple[Places, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def plain(self) -> bool:
        """Whether it is one sequence."""
        return bool((self.end == len(self)).all())


def grow(sequences: Sequence[Ids], shared: Sequence[int]) -> Tree:
    """The tree of `sequences`, the i-th of which shares its first `shared[i]` tokens with the one before it."""
    size = sum(len(ids) - n for ids, n in zip(sequences, shared, strict=True))
    flat, depth, end = (np.empty(size, dtype=np.int64) for _ in range(3))
    paths: list[Places] = []
    path, at = np.empty(0, dtype=np.int64), 0
    for ids, n in zip(sequences, shared, strict=True):
        end[path[n:]] = at  # what the sequence before does not share ends here
        after = at + len(ids) - n
        flat[at:after] = ids[n:]
        depth[at:after] = np.arange(n, len(ids))
        path = np.concatenate([path[:n], np.arange(at, after)])
        paths.append(path)
        at = after
    end[path] = at
    return Tree(flat, depth, end, tuple(paths))


def grow_sorted(sequences: Sequence[Ids]) -> Tree:
    """The tree of `sequences` in sorted order, each sharing with the one before all that they begin with."""
    shared = [0, *(_common(one, other) for one, other in pairwise(sequences))]
    return grow(sequences, shared)


def _common(one: Ids, other: Ids) -> int:
    differ = (k for k, (left, right) in enumerate(zip(one, other, strict=False)) if left != right)
    return next(differ, min(len(one), len(other)))


@dataclass(frozen=True, slots=True)
class Rows:
    """Trees as rows of equal width, padded on the right: `ids`, `depth`, `end` int64 [row, token].

    Padding is seen by nothing but itself. `plain`: every row is one sequence, so that attention is causal.
    """

    ids: Places
    depth: Places
    end: Places
    plain: bool

    @classmethod
    def of(cls, trees: Sequence[Tree]) -> Rows:
        width = max(map(len, trees))
        ids, depth = (np.zeros((len(trees), width), dtype=np.int64) for _ in range(2))
        end = np.tile(np.arange(1, width + 1), (len(trees), 1))
        for row, tree in enumerate(trees):
            ids[row, : len(tree)], depth[row, : len(tree)], end[row, : len(tree)] = tree.ids, tree.depth, tree.end
        return cls(ids, depth, end, all(tree.plain for tree in trees))
