"""`results/cells/M-D.npz`: all that the claim is computed from for one (model, dataset), small enough for git.

The stages before them need a model; nothing after them does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.artefacts.column import Column
from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_arrays
from benchmark.storage import read_arrays, write_arrays

PERFORMANCE_DECIMALS = 6
KEY = ("model", "dataset", "mask", "statistic", "pooling", "site", "layer", "outcome", "shots")
"""What names a cell, in every table."""
KINDS = {
    "scores": ("f", 2),
    "gain": ("f", 2),
    "performance": ("f", 2),
    "candidates": ("U", 1),
    "n_input": ("i", 1),
    "n_target": ("i", 1),
    "first_token": ("i", 1),
    "target": ("i", 1),
    "query_target": ("i", 1),
}
"""The kind of dtype and the number of axes of each array of the cells."""
OF_QUERIES = ("query_target",)
AGAIN = "run the correlate stage again"


@dataclass(frozen=True)
class Cells:
    """Scores and outcomes of one pool.

    `scores` float32 [candidate, column]; `gain` (nats) and `performance` float32 [candidate, query]; `target` int
    [candidate] and `query_target` int [query] number what has to be written, equal numbers for the same
    (`analysis.targets`), and `target_problem` says why they cannot be held fixed, or nothing; the rest [candidate].
    `fingerprint` is that of the parameters it was made with.
    """

    model: str
    dataset: str
    columns: tuple[Column, ...]
    scores: NDArray[np.float32]
    gain: NDArray[np.float32]
    performance: NDArray[np.float32]
    candidates: NDArray[np.str_]
    n_input: NDArray[np.int64]
    n_target: NDArray[np.int64]
    first_token: NDArray[np.int64]
    target: NDArray[np.int32]
    query_target: NDArray[np.int32]
    target_problem: str
    fingerprint: str

    def __post_init__(self) -> None:
        for name, (kind, axes) in KINDS.items():
            array = getattr(self, name)
            if array.dtype.kind != kind or array.ndim != axes:
                raise BenchmarkError(f"cells {self.name}: {name} is {array.dtype} with {array.ndim} axes: {AGAIN}")
        n, queries = len(self.candidates), self.gain.shape[1]
        for name in KINDS:
            length, wanted = len(getattr(self, name)), queries if name in OF_QUERIES else n
            if length != wanted:
                raise BenchmarkError(f"cells {self.name} mix n: {wanted} rows, but {name} has {length}: {AGAIN}")
        if len(set(self.candidates.tolist())) < n:
            raise BenchmarkError(f"cells {self.name} name a candidate twice: {AGAIN}")
        if len(set(self.columns)) < len(self.columns) or self.scores.shape[1] != len(self.columns):
            raise BenchmarkError(f"cells {self.name} hold a column twice, or not as many as they name: {AGAIN}")
        for name in ("gain", "performance"):
            matrix = getattr(self, name)
            if not np.isfinite(matrix).all():
                i, j = np.argwhere(~np.isfinite(matrix))[0]
                raise BenchmarkError(
                    f"cells {self.name}: {name} of candidate {self.candidates[i]} at query {j} is {matrix[i, j]}: "
                    "run the quality stage again"
                )

    @property
    def name(self) -> str:
        return f"{self.model}-{self.dataset}"

    @property
    def n(self) -> int:
        return len(self.candidates)

    def outcome(self, outcome: str) -> NDArray[np.float64]:
        """`quality` or `performance` of each candidate [candidate]: the mean over all queries."""
        return query_mean(self.matrix(outcome))

    def matrix(self, outcome: str) -> NDArray[np.float32]:
        """The candidate-by-query matrix [candidate, query] whose mean is the outcome."""
        return self.gain if outcome == "quality" else self.performance

    def digest(self) -> str:
        """SHA-256 of the content, however it was stored."""
        return sha256_arrays(self._arrays())

    def write(self, folder: Path) -> None:
        write_arrays(folder / f"{self.name}.npz", **self._arrays())

    def _arrays(self) -> dict[str, NDArray[Any]]:
        names = {axis: np.array([getattr(c, axis) for c in self.columns], dtype=np.str_) for axis in Column._fields}
        arrays = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self) if f.name != "columns"}
        counts = self.performance.astype(np.uint8)
        if (counts == self.performance).all():  # right or wrong: a byte each is enough
            arrays["performance"] = counts
        return arrays | names

    @classmethod
    def read(cls, path: Path) -> Cells:
        """Reads what `write` wrote; raises `BenchmarkError` for a file that is missing, damaged or inconsistent."""
        names = [f.name for f in fields(cls) if f.name != "columns"]
        arrays = read_arrays(path, [*names, *Column._fields])
        if len({arrays[axis].shape for axis in Column._fields}) > 1 or arrays["site"].ndim != 1:
            raise BenchmarkError(f"{path} names its columns by lists of different lengths: {AGAIN}")
        columns = tuple(Column(*map(str, c)) for c in zip(*(arrays[axis] for axis in Column._fields), strict=True))
        if arrays["performance"].dtype == np.uint8:
            arrays["performance"] = arrays["performance"].astype(np.float32)
        values: dict[str, Any] = {name: arrays[name] if name in KINDS else str(arrays[name]) for name in names}
        cells = cls(columns=columns, **values)
        if path.stem != cells.name:
            raise BenchmarkError(f"{path} holds the cells of {cells.name}: {AGAIN}")
        return cells


def query_mean(matrix: NDArray[np.floating], decimals: int = PERFORMANCE_DECIMALS) -> NDArray[np.float64]:
    """Mean over the last axis of `matrix` [..., query], rounded to `decimals` first.

    The sum is one of whole numbers, so it is exact: candidates that tie do so on every machine.
    """
    whole = np.rint(matrix.astype(np.float64) * 10**decimals)
    mean: NDArray[np.float64] = whole.sum(axis=-1) / (10**decimals * matrix.shape[-1])
    return mean
