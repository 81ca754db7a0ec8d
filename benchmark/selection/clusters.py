"""k-means on features, the same on any number of threads."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.feature import dense
from benchmark.selection.pool import Rows


@cache
def _threads() -> Any:
    """What sets threads of the libraries that cluster; to find these takes as long as a small clustering."""
    import sklearn.cluster  # noqa: F401  its libraries are to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def clustering() -> Iterator[None]:
    """With one thread, for several would add up in any order; without a warning that fewer rows differ; and without
    checks of arguments, which take longer than small clusters.
    """
    from sklearn import config_context
    from sklearn.exceptions import ConvergenceWarning

    unchecked = config_context(assume_finite=True, skip_parameter_validation=True)
    with _threads().limit(limits=1), unchecked, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def k_means(rows: Rows, k: int, generator: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The cluster of each row, int64 [n], and each row's squared distance to its cluster's centre, [n].

    Fewer than k clusters are used where fewer rows differ.
    """
    from sklearn.cluster import KMeans

    points = dense(rows)
    seed = int(generator.integers(2**31))
    with clustering():
        fitted = KMeans(min(k, len(points)), random_state=seed).fit(points)
    distances = ((points - fitted.cluster_centers_[fitted.labels_]) ** 2).sum(axis=1, dtype=np.float64)
    return fitted.labels_.astype(np.int64), np.round(distances, 9)
