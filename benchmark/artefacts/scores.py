"""`data/activations/M/D/scores.npz` and `candidates.csv`: the activation scores of a pool.

scores.write(folder)
scores = ActivationScores.read(folder)
scores.columns([Column("mlp_output", "causal", "mean", "mean", "kurtosis")])
ActivationScores(**concatenate([shard.arrays() for shard in shards], PER_CANDIDATE))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.artefacts.column import Column
from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, read_table, write_arrays, write_table

AXES = ("candidates", "sites", "masks", "poolings", "layers", "statistics")
TABLE = ("n_input", "n_target", "first_token", "label")
PER_CANDIDATE = ("scores", "candidates", *TABLE)
AGAIN = "run the extract stage again"


@dataclass(frozen=True, slots=True, eq=False)
class ActivationScores:
    """`scores` float64 [candidate, site, mask, pooling, layer, statistic], NaN only where a site lacks a statistic.

    The other arrays name the axes, and give each candidate's tokens and label.
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
        path = folder / "scores.npz"
        arrays = read_arrays(path, ("scores", *AXES))
        shape = tuple(len(arrays[axis]) for axis in AXES)
        if arrays["scores"].shape != shape:
            raise BenchmarkError(f"{path}: scores are {arrays['scores'].shape}, their names say {shape}: {AGAIN}")
        table = read_table(folder / "candidates.csv", ("candidate", *TABLE), text=("candidate", "label"))
        if [*table["candidate"]] != arrays["candidates"].tolist():
            raise BenchmarkError(f"{folder}: candidates.csv and scores.npz disagree about the candidates: {AGAIN}")
        numbers = {name: pd.to_numeric(table[name], errors="coerce") for name in TABLE[:-1]}
        for name, values in numbers.items():
            if values.isna().any():
                raise BenchmarkError(f"{folder / 'candidates.csv'}: a candidate has no {name}: {AGAIN}")
        integers = {name: values.to_numpy(np.int64) for name, values in numbers.items()}
        return cls(**arrays, **integers, label=table["label"].to_numpy(dtype=np.str_))

    def applies(self, site: str, statistic: str) -> bool:
        """Whether the site has the statistic: what it has not is NaN throughout."""
        values = self.scores[:, self._index("sites", site), :, :, :, self._index("statistics", statistic)]
        return not bool(np.isnan(values).all())

    def column(self, column: Column) -> NDArray[np.float32]:
        """The score of every candidate [candidate]; layer `mean` is the mean over layers in float64."""
        pooled = self.scores[
            :,
            self._index("sites", column.site),
            self._index("masks", column.mask),
            self._index("poolings", column.pooling),
            :,
            self._index("statistics", column.statistic),
        ]
        values = pooled.mean(axis=1) if column.layer == "mean" else pooled[:, self._index("layers", column.layer)]
        with np.errstate(over="ignore"):
            return values.astype(np.float32)

    def columns(self, columns: Sequence[Column]) -> NDArray[np.float32]:
        """[candidate, column]"""
        return np.stack([self.column(column) for column in columns], axis=1)

    def names(self, axis: str) -> list[str]:
        """The names along `axis`, one of `AXES`, as text."""
        return [str(name) for name in getattr(self, axis)]

    def _index(self, axis: str, name: str) -> int:
        names = self.names(axis)
        if name not in names:
            raise BenchmarkError(f"scores.npz has no {name} among its {axis} ({', '.join(names)}): extract it")
        return names.index(name)
