"""Where two values differ, and by how much: the one recursive comparison of JSON values, tables and arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Difference:
    """`one` and `other` stand at `where` (keys, joined by dots), at `index` of an array if it is one.

    `size`: how far two numbers are apart, of numbers beyond 1 in their own size; infinite for all else that differs.
    """

    where: str
    one: Any
    other: Any
    size: float = np.inf
    index: tuple[int, ...] = ()


MISSING = "nothing"


def differences(one: Any, other: Any, where: str = "") -> Iterator[Difference]:
    """Yields every difference between two nested values; of an array the largest alone. Integers must be equal."""
    if isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame):
        one, other = ({column: frame[column].to_numpy() for column in frame} for frame in (one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*other, *(key for key in one if key not in other)]:
            here = f"{where}.{key}".lstrip(".")
            if key in one and key in other:
                yield from differences(one[key], other[key], here)
            else:
                yield Difference(here, one.get(key, MISSING), other.get(key, MISSING))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{where}[{i}]")
    elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.shape == other.shape:
        yield from _of_arrays(one, other, where)
    elif _number(one) and _number(other) and not (isinstance(one, int) and isinstance(other, int)):
        size = float(_sizes(np.float64(one), np.float64(other)))
        if size:
            yield Difference(where, one, other, size)
    elif type(one) is not type(other) or (one is not other and not np.array_equal(one, other)):
        yield Difference(where, one, other)


def _number(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


def sizes_of(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    """How far the entries of two arrays of one shape are apart, as `Difference.size` says."""
    kinds = {one.dtype.kind, other.dtype.kind}
    if kinds <= set("fiu") and "f" in kinds:
        return _sizes(one.astype(np.float64), other.astype(np.float64))
    same = (pd.isna(one) & pd.isna(other)) | (one == other) if one.ndim < 2 else one == other
    return np.where(np.asarray(same, dtype=bool), 0.0, np.inf)


def _of_arrays(one: NDArray[Any], other: NDArray[Any], where: str) -> Iterator[Difference]:
    sizes = sizes_of(one, other)
    if sizes.size and sizes.max() > 0:
        index = tuple(map(int, np.unravel_index(int(np.argmax(sizes)), sizes.shape)))
        yield Difference(where, one[index], other[index], float(sizes.max()), index)


def _sizes(one: Any, other: Any) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        size = np.abs(one - other) / np.maximum(1.0, np.maximum(np.abs(one), np.abs(other)))
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return np.where(same, 0.0, np.where(np.isnan(size), np.inf, size))
