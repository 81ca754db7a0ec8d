"""What selectors compare texts by, and the registry of the kinds of features."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmark.errors import unknown
from benchmark.selection.pool import Features, Pool, Rows, UndefinedError

Compute = Callable[[Pool], Features]


@dataclass(frozen=True)
class Kind:
    """`of_queries`: whether queries have these features, too; `computed`: whether they are computed before, by a stage
    with a model; `of_texts`: whether they are of the texts alone, and so the same for every model.
    """

    compute: Compute
    of_queries: bool
    computed: bool
    of_texts: bool

    @property
    def description(self) -> str:
        return (self.compute.__doc__ or "").strip().split("\n")[0]


_kinds: dict[str, Kind] = {}


def register_features(
    name: str, *, of_queries: bool, of_texts: bool, computed: bool = False
) -> Callable[[Compute], Compute]:
    """Registers a function from a pool to its features; its docstring's first line describes them."""

    def decorate(compute: Compute) -> Compute:
        if name in _kinds:
            raise ValueError(f"features {name!r} are registered twice")
        _kinds[name] = Kind(compute, of_queries, computed, of_texts)
        return compute

    return decorate


def kinds() -> dict[str, Kind]:
    """The registered kinds of features by name, sorted."""
    return dict(sorted(_kinds.items()))


def kind(name: str) -> Kind:
    if name not in _kinds:
        raise unknown("features", name, _kinds)
    return _kinds[name]


def of_texts(name: str) -> bool:
    """Whether `name` is a kind of features of the texts alone: a selector by them chooses the same for every model."""
    return name in _kinds and _kinds[name].of_texts


def names_of(pool: Pool, *, of_queries: bool = False, asking: bool = False) -> Iterator[str]:
    """The pool's features, or those among them that queries have, too.

    `asking`: for a selector whose prompts depend on its features. It takes one kind alone, for every other would have
    the model asked again: sentence embeddings, as its paper does, or in a pool without them the first.
    """
    found = [name for name in pool.feature_names if kind(name).of_queries or not of_queries]
    return iter((["embeddings"] if "embeddings" in found else found[:1]) if asking else found)


def features_of(pool: Pool, name: str) -> Features:
    """The features `name` of the pool; raises `UndefinedError` where they are the same for every candidate."""
    features = kind(name).compute(pool)
    likeness = cosines(features.candidates, features.candidates[[0]])
    if len(pool) > 1 and (likeness.min() > 1 - 1e-6 or abs(features.candidates).sum() == 0):
        raise UndefinedError(f"the {name} features are the same for every candidate")
    return features


def products(rows: Rows, others: Rows) -> NDArray[np.floating]:
    """Products of all rows with all others, [rows, others]; rounded, so that a tie is one on any processor."""
    product = rows @ others.T
    dense = product.toarray() if sparse.issparse(product) else product
    return np.asarray(np.round(dense, 7 if dense.dtype == np.float32 else 12))


def cosines(rows: Rows, others: Rows) -> NDArray[np.float64]:
    """`products` in float64."""
    return products(rows, others).astype(np.float64)


def unit(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    """Each row divided by its length; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1))


def dense(rows: Rows) -> NDArray[np.floating]:
    """The rows as an array, at most `WIDEST` columns: beyond, their projection on as many singular vectors."""
    if not sparse.issparse(rows):
        return np.asarray(rows)
    if rows.shape[1] <= WIDEST:
        return np.asarray(rows.toarray())
    from sklearn.decomposition import TruncatedSVD

    return unit(TruncatedSVD(WIDEST, random_state=0).fit_transform(rows))


WIDEST = 512
