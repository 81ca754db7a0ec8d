"""`data/quality/M/D/sets.npz`: random sets of demonstrations, and what each does for each query.

On disk `members_k`, `log_probability_k` and `performance_k` for each size k.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, write_arrays

AGAIN = "run the quality stage again"


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """Sets of one size: `members` int64 [set, k], pool indices in prompt order; `log_probability` and `performance`
    float32 [set, query], as of `Matrices`.
    """

    members: NDArray[np.int64]
    log_probability: NDArray[np.float32]
    performance: NDArray[np.float32]


def write_sets(folder: Path, sets: Mapping[int, Sets]) -> None:
    """Writes `sets` {k: of that size}."""
    arrays = {f"{f.name}_{size}": getattr(part, f.name) for size, part in sets.items() for f in fields(part)}
    write_arrays(folder / "sets.npz", **arrays)


def read_sets(folder: Path) -> dict[int, Sets]:
    """Reads what `write_sets` wrote, the smallest sets first."""
    path = folder / "sets.npz"
    arrays = read_arrays(path)
    sizes = sorted(int(name.removeprefix("members_")) for name in arrays if name.startswith("members_"))
    sets = {}
    for size in sizes:
        missing = [f.name for f in fields(Sets) if f"{f.name}_{size}" not in arrays]
        if missing:
            raise BenchmarkError(f"{path} lacks {missing[0]}_{size}: {AGAIN}")
        part = Sets(**{f.name: arrays[f"{f.name}_{size}"] for f in fields(Sets)})
        if not (np.isfinite(part.log_probability).all() and np.isfinite(part.performance).all()):
            raise BenchmarkError(f"{path}: a set of {size} has a value that is not finite: {AGAIN}")
        if part.members.shape[1:] != (size,) or len(part.members) != len(part.log_probability):
            raise BenchmarkError(f"{path}: its sets of {size} are not as many or as large as it says: {AGAIN}")
        sets[size] = part
    return sets
