"""Lists for each query, by a table of how well each candidate suits it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.pool import Members


def best_last(values: NDArray[np.float64], k: int, order: NDArray[np.int64]) -> Members:
    """The k candidates of the highest `values` [query, n] for each query, the best last, int64 [query, k].

    Among equals, the one that comes earlier in `order` is preferred.
    """
    best = np.argsort(-values[:, order], axis=1, kind="stable")[:, :k]
    return order[best][:, ::-1].copy()
