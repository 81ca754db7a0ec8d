"""The graph of nearest neighbours, block by block: never an array of all pairs by all features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.feature import products
from benchmark.selection.pool import Rows

BLOCK = 1000


def neighbours(rows: Rows, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each row's `count` nearest others by cosine (all others, if they are fewer): indices and cosines [n, count].

    The nearest first; among equals, the earlier row.
    """
    n = rows.shape[0]
    count = min(count, n - 1)
    indices = np.empty((n, count), dtype=np.int64)
    values = np.empty((n, count))
    for start in range(0, n, BLOCK):
        block = np.arange(start, min(start + BLOCK, n))
        likeness = products(rows[block], rows)
        likeness[np.arange(len(block)), block] = -np.inf
        nearest = _largest(likeness, count)
        indices[block] = nearest
        values[block] = np.take_along_axis(likeness, nearest, axis=1)
    return indices, values


def _largest(values: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """Columns of the `count` largest of each row, the largest first and the earlier of equals: int64 [row, count]."""
    if count == 0:
        return np.empty((len(values), 0), dtype=np.int64)
    if values.shape[1] <= 4 * count:
        return np.argsort(-values, axis=1, kind="stable")[:, :count]
    least = np.partition(values, -count, axis=1)[:, [-count]]
    chosen = np.empty((len(values), count), dtype=np.int64)
    for row, value in enumerate(values):  # equals at the edge: more columns than `count` may reach it
        reach = np.flatnonzero(value >= least[row])
        chosen[row] = reach[np.argsort(-value[reach], kind="stable")[:count]]
    return chosen
