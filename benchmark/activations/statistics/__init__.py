"""The statistics of activation vectors: every file here defines a `Group` of them.

STATISTICS["kurtosis"].meaning
reference(sequence, ("mean", "max_abs"))     [token, hidden] -> float64 [token, statistic], the float64 reference
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmark.activations.group import Floats, Group, Thresholds
from benchmark.discovery import discover
from benchmark.errors import BenchmarkError, unknown

GROUPS: dict[str, Group] = discover(__name__, __path__, "GROUP", Group)  # type: ignore[type-abstract]


@dataclass(frozen=True, slots=True)
class Statistic:
    """A column of a group. Every statistic is defined at every site."""

    name: str
    group: Group
    meaning: str


STATISTICS: dict[str, Statistic] = {
    name: Statistic(name, group, meaning) for group in GROUPS.values() for name, meaning in group.columns.items()
}


def statistic(name: str) -> Statistic:
    """The registered statistic; `BenchmarkError` with the nearest name for an unknown one."""
    if name not in STATISTICS:
        raise unknown("statistic", name, STATISTICS)
    return STATISTICS[name]


def groups_of(names: Iterable[str]) -> tuple[Group, ...]:
    """The groups that compute `names`, each once; `BenchmarkError` for an unknown name."""
    return tuple(dict.fromkeys(statistic(name).group for name in names))


def reference(sequence: ArrayLike, names: Sequence[str], thresholds: Thresholds | None = None) -> Floats:
    """`names` of every token of one sequence by two passes in float64: [token, hidden] -> [token, statistic].

    A vector that is not finite is NaN throughout; its values that are not count as the largest in what is taken over
    the sequence.
    """
    values = np.asarray(sequence, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise BenchmarkError(f"statistics need vectors [token, hidden], not an array of shape {values.shape}")
    finite = np.isfinite(values)
    safe = np.where(finite, values, np.finfo(np.float64).max)
    columns: dict[str, Floats] = {}
    with np.errstate(all="ignore"):
        for group in groups_of(names):
            columns |= zip(group.columns, group.reference(safe, thresholds or Thresholds()).T, strict=True)
    result = np.stack([columns[name] for name in names], axis=-1)
    result[~finite.all(-1)] = np.nan
    return result
