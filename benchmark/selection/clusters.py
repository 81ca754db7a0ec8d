"""k-means on features, the same on any number of threads."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.feature import dense
from benchmark.selection.pool import Rows


def k_means(rows: Rows, k: int, generator: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The cluster of each row, int64 [n], and each row's squared distance to its cluster's centre, [n].

    Fewer than k clusters are used where fewer rows differ. Threads would add up in any order, so there is one.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    points = dense(rows)
    seed = int(generator.integers(2**31))
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = KMeans(min(k, len(points)), random_state=seed).fit(points)
    distances = ((points - fitted.cluster_centers_[fitted.labels_]) ** 2).sum(axis=1, dtype=np.float64)
    return fitted.labels_.astype(np.int64), np.round(distances, 9)
