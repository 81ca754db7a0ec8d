"""`data/quality/M/D/matrices.npz`: what each candidate, as the one demonstration, does for each query."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, write_arrays

GAIN_DECIMALS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """`log_probability` float32 [candidate, query]: log p(target | demonstration, query), nats, summed over tokens;
    `performance` float32 [candidate, query]: the metric in [0, 1]; both without a demonstration float32 [query].
    """

    log_probability: NDArray[np.float32]
    performance: NDArray[np.float32]
    zero_shot_log_probability: NDArray[np.float32]
    zero_shot_performance: NDArray[np.float32]
    candidates: NDArray[np.str_]
    queries: NDArray[np.str_]

    @property
    def gain(self) -> NDArray[np.float32]:
        """`gain` of every candidate at every query, float32 [candidate, query]."""
        return gain(self.log_probability, self.zero_shot_log_probability)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every field by its name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def write(self, folder: Path) -> None:
        write_arrays(folder / "matrices.npz", **self.arrays())

    @classmethod
    def read(cls, folder: Path) -> Matrices:
        path = folder / "matrices.npz"
        arrays = read_arrays(path, [f.name for f in fields(cls)])
        found = cls(**{f.name: arrays[f.name] for f in fields(cls)})
        shape = (len(found.candidates), len(found.queries))
        for name in ("log_probability", "performance", "zero_shot_log_probability", "zero_shot_performance"):
            array = arrays[name]
            if array.shape != shape[-array.ndim :] or array.ndim != 1 + (not name.startswith("zero")):
                raise BenchmarkError(
                    f"{path} mixes n: {name} is {array.shape} for {shape[0]} candidates and {shape[1]} queries: "
                    "run the quality stage again"
                )
            if not np.isfinite(array).all():
                *i, j = np.argwhere(~np.isfinite(array))[0]
                of = f" of candidate {found.candidates[i[0]]}" if i else ""
                raise BenchmarkError(
                    f"{path}: {name}{of} at query {found.queries[j]} is {array[*i, j]}: run the quality stage again"
                )
        return found


def gain(log_probability: NDArray[np.floating], zero_shot: NDArray[np.floating]) -> NDArray[np.float32]:
    """log p(y | demonstrations, x) - log p(y | x), float32 [..., query], nats.

    Rounded to 1e-5, which is what float32 passes give at best: the last digits of another processor move no rank.
    """
    difference = log_probability.astype(np.float64) - zero_shot.astype(np.float64)
    return (np.round(difference, GAIN_DECIMALS) + 0.0).astype(np.float32)
