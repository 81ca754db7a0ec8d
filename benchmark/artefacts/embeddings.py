"""`data/embeddings/M/D/embeddings.npz`: the texts of a dataset as vectors that a model computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.storage import read_arrays, write_arrays

FILE = "embeddings.npz"


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """By the name of the features, float32 [candidate, d] and [query, d], in the dataset's order."""

    candidates: Mapping[str, NDArray[np.float32]]
    queries: Mapping[str, NDArray[np.float32]]

    def write(self, folder: Path) -> None:
        of = {"candidates": self.candidates, "queries": self.queries}
        write_arrays(folder / FILE, **{f"{part}_{name}": rows for part in of for name, rows in of[part].items()})

    @classmethod
    def read(cls, folder: Path, names: Sequence[str]) -> Embeddings:
        """Reads the features `names`; raises `BenchmarkError` where one is missing."""
        parts = ("candidates", "queries")
        arrays = read_arrays(folder / FILE, [f"{part}_{name}" for part in parts for name in names])
        return cls(*({name: arrays[f"{part}_{name}"] for name in names} for part in parts))
