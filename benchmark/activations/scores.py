"""The activation scores of a pool, as the stages read and write them.

scores.write(folder)                 scores.npz, candidates.csv
ActivationScores.read(folder)
ActivationScores(**concatenate([shard.arrays() for shard in shards], PER_CANDIDATE))
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, read_table, write_arrays, write_table

AXES = ("candidates", "sites", "masks", "poolings", "layers", "statistics")
TABLE = ("n_input", "n_target", "first_token", "label")
PER_CANDIDATE = ("scores", "candidates", *TABLE)


@dataclass(frozen=True, slots=True, eq=False)
class ActivationScores:
    """`scores` float64 [candidate, site, mask, pooling, layer, statistic], NaN only where a site lacks a statistic.

    The other arrays name the axes, and tell of each candidate its tokens and label.
    """

    scores: NDArray[np.float64]
    candidates: NDArray[np.str_]
    sites: NDArray[np.str_]
    masks: NDArray[np.str_]
    poolings: NDArray[np.str_]
    layers: NDArray[np.int64]
    statistics: NDArray[np.str_]
    n_input: NDArray[np.int64]
    n_target: NDArray[np.int64]
    first_token: NDArray[np.int64]
    label: NDArray[np.str_]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every field by its name; those of `PER_CANDIDATE` have candidates along axis 0."""
        return {name: getattr(self, name) for name in ("scores", *AXES, *TABLE)}

    @property
    def table(self) -> pd.DataFrame:
        """The content of `candidates.csv`."""
        return pd.DataFrame({"candidate": self.candidates, **{name: getattr(self, name) for name in TABLE}})

    def write(self, folder: Path) -> None:
        """Writes `scores.npz` and `candidates.csv`."""
        write_arrays(folder / "scores.npz", scores=self.scores, **{name: getattr(self, name) for name in AXES})
        write_table(folder / "candidates.csv", self.table)

    @classmethod
    def read(cls, folder: Path) -> ActivationScores:
        """Reads what `write` wrote; `BenchmarkError` for a missing, damaged or mismatched file."""
        arrays = read_arrays(folder / "scores.npz", ("scores", *AXES))
        table = read_table(folder / "candidates.csv", ("candidate", *TABLE), text=("candidate", "label"))
        if [*table["candidate"]] != arrays["candidates"].tolist():
            raise BenchmarkError(f"{folder}: candidates.csv and scores.npz differ: run the stage that makes them again")
        numbers = {name: table[name].to_numpy(np.int64) for name in TABLE[:-1]}
        return cls(**arrays, **numbers, label=table["label"].to_numpy(dtype=np.str_))
