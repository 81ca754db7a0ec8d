"""The cells of one (model, dataset): all that the claim is computed from, small enough to be committed.

On disk `results/cells/M-D.npz`. The stages before them need a model; nothing behind them does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.analysis.parameters import FamilyParameters
from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, read_table, write_arrays

GAIN_DECIMALS = 5
PERFORMANCE_DECIMALS = 6
KEY = ("model", "dataset", "mask", "statistic", "pooling", "site", "layer", "target", "shots")
"""What names a cell, in every table."""
KINDS = {
    "scores": ("f", 2),
    "log_probability_gain": ("f", 2),
    "performance": ("f", 2),
    "candidates": ("U", 1),
    "n_input": ("i", 1),
    "n_target": ("i", 1),
    "label": ("U", 1),
    "first_token": ("U", 1),
}
"""The kind of dtype and the number of axes of each array of the cells."""


class Column(NamedTuple):
    """One score of a candidate: a statistic read at a site under a mask, pooled over positions and layers."""

    site: str
    mask: str
    pooling: str
    layer: str
    statistic: str


@dataclass(frozen=True)
class Cells:
    """Scores and targets of one pool.

    `scores` float32 [candidate, column]; `log_probability_gain` (nats) and `performance` float32 [candidate, query];
    the rest [candidate]. `fingerprint` tells the parameters it was made with.
    """

    model: str
    dataset: str
    columns: tuple[Column, ...]
    scores: NDArray[np.float32]
    log_probability_gain: NDArray[np.float32]
    performance: NDArray[np.float32]
    candidates: NDArray[np.str_]
    n_input: NDArray[np.int64]
    n_target: NDArray[np.int64]
    label: NDArray[np.str_]
    first_token: NDArray[np.str_]
    fingerprint: str

    def __post_init__(self) -> None:
        for name, (kind, axes) in KINDS.items():
            array = getattr(self, name)
            if array.dtype.kind != kind or array.ndim != axes:
                raise BenchmarkError(f"cells {self.name}: {name} is {array.dtype} with {array.ndim} axes: {AGAIN}")
        n = len(self.candidates)
        mixed = {f.name: len(v) for f in fields(self) if isinstance(v := getattr(self, f.name), np.ndarray)}
        for name, length in mixed.items():
            if length != n:
                raise BenchmarkError(f"cells {self.name} mix n: {n} candidates, but {name} has {length}: {AGAIN}")
        if len(set(self.candidates.tolist())) < n:
            raise BenchmarkError(f"cells {self.name} name a candidate twice: {AGAIN}")
        if len(set(self.columns)) < len(self.columns) or self.scores.shape[1] != len(self.columns):
            raise BenchmarkError(f"cells {self.name} hold a column twice, or not as many as they name: {AGAIN}")
        for name in ("log_probability_gain", "performance"):
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

    def target(self, target: str) -> NDArray[np.float64]:
        """`quality` or `performance` of each candidate [candidate]: the mean over all queries."""
        return query_mean(self.matrix(target))

    def matrix(self, target: str) -> NDArray[np.float32]:
        """The candidate-by-query matrix [candidate, query] whose mean is the target."""
        return self.log_probability_gain if target == "quality" else self.performance

    def digest(self) -> str:
        """SHA-256 of the content, however it was compressed."""
        state = hashlib.sha256()
        for name, array in sorted(self._arrays().items()):
            state.update(f"{name} {array.dtype.str} {array.shape}".encode())
            state.update(np.ascontiguousarray(array).tobytes())
        return state.hexdigest()

    def write(self, folder: Path) -> None:
        write_arrays(folder / f"{self.name}.npz", **self._arrays())

    def _arrays(self) -> dict[str, NDArray[Any]]:
        names = {axis: np.array([getattr(c, axis) for c in self.columns], dtype=np.str_) for axis in Column._fields}
        arrays = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self) if f.name != "columns"}
        return arrays | names

    @classmethod
    def read(cls, path: Path) -> Cells:
        """Reads what `write` wrote; raises `BenchmarkError` for a file that is missing, damaged or inconsistent."""
        scalars = ("model", "dataset", "fingerprint")
        names = [f.name for f in fields(cls) if f.name != "columns"]
        arrays = read_arrays(path, [*names, *Column._fields])
        if len({arrays[axis].shape for axis in Column._fields}) > 1 or arrays["site"].ndim != 1:
            raise BenchmarkError(f"{path} names its columns by lists of different lengths: {AGAIN}")
        columns = tuple(Column(*map(str, c)) for c in zip(*(arrays[axis] for axis in Column._fields), strict=True))
        values: dict[str, Any] = {name: str(arrays[name]) if name in scalars else arrays[name] for name in names}
        cells = cls(columns=columns, **values)
        if path.stem != cells.name:
            raise BenchmarkError(f"{path} holds the cells of {cells.name}: {AGAIN}")
        return cells


AGAIN = "run the correlate stage again"


def query_mean(matrix: NDArray[np.floating], decimals: int = PERFORMANCE_DECIMALS) -> NDArray[np.float64]:
    """Mean over the last axis of `matrix` [..., query], rounded to `decimals` first.

    The sum is one of whole numbers, so it is exact: candidates that tie do so on every machine.
    """
    whole = np.rint(matrix.astype(np.float64) * 10**decimals)
    mean: NDArray[np.float64] = whole.sum(axis=-1) / (10**decimals * matrix.shape[-1])
    return mean


class Scores(NamedTuple):
    """`scores.npz` of an extraction: `values` float64 [candidate, site, mask, pooling, layer, statistic]."""

    values: NDArray[np.float64]
    candidates: NDArray[np.str_]
    sites: list[str]
    masks: list[str]
    poolings: list[str]
    layers: list[str]
    statistics: list[str]

    @classmethod
    def read(cls, path: Path) -> Scores:
        axes = ("sites", "masks", "poolings", "layers", "statistics")
        arrays = read_arrays(path, ["scores", "candidates", *axes])
        names = [[str(name) for name in arrays[axis]] for axis in axes]
        shape = (len(arrays["candidates"]), *map(len, names))
        if arrays["scores"].shape != shape:
            raise BenchmarkError(f"{path}: scores are {arrays['scores'].shape}, their names say {shape}: extract again")
        return cls(arrays["scores"], arrays["candidates"], *names)

    def applies(self, site: str, statistic: str) -> bool:
        """Whether the statistic exists at the site: what does not is NaN throughout."""
        values = self.values[:, self.sites.index(site), :, :, :, self.statistics.index(statistic)]
        return not bool(np.isnan(values).all())

    def column(self, column: Column) -> NDArray[np.float32]:
        """The score of every candidate [candidate], float32; layer `mean` is the mean over layers in float64."""
        pooled = self.values[
            :,
            self.sites.index(column.site),
            self.masks.index(column.mask),
            self.poolings.index(column.pooling),
            :,
            self.statistics.index(column.statistic),
        ]
        values = pooled.mean(axis=1) if column.layer == "mean" else pooled[:, self.layers.index(column.layer)]
        with np.errstate(over="ignore"):
            return values.astype(np.float32)

    def columns(self, columns: Sequence[Column]) -> NDArray[np.float32]:
        """[candidate, column]"""
        return np.stack([self.column(column) for column in columns], axis=1)

    def declared(self, family: FamilyParameters, where: str) -> tuple[Column, ...]:
        """The family's columns, less those whose statistic does not exist at their site."""
        for axis, wanted in (
            ("sites", family.sites),
            ("masks", family.masks),
            ("poolings", family.poolings),
            ("layers", [str(layer) for layer in family.layers if layer != "mean"]),
            ("statistics", family.statistics),
        ):
            missing = [name for name in wanted if name not in getattr(self, axis)]
            if missing:
                raise BenchmarkError(
                    f"{where} lacks {axis} {', '.join(missing)} of the declared family: extract them, or declare less"
                )
        layers = map(str, family.layers)
        every = product(family.sites, family.masks, family.poolings, layers, family.statistics)
        columns = tuple(Column(*c) for c in every if self.applies(c[0], c[4]))
        if not columns:
            raise BenchmarkError(f"{where} has a value for no column of the declared family: extract again")
        return columns


class Matrices(NamedTuple):
    """`matrices.npz` of a quality stage as targets: `gain` float32 (rounded) and `performance` [candidate, query]."""

    gain: NDArray[np.float32]
    performance: NDArray[np.float32]
    zero_shot: NDArray[np.float64]
    candidates: NDArray[np.str_]

    @classmethod
    def read(cls, path: Path) -> Matrices:
        names = ("log_probability", "zero_shot_log_probability", "performance", "candidates")
        arrays = read_arrays(path, names)
        zero_shot = arrays["zero_shot_log_probability"].astype(np.float64)
        gain = rounded_gain(arrays["log_probability"], zero_shot)
        performance = arrays["performance"].astype(np.float32)
        if gain.shape != performance.shape or len(gain) != len(arrays["candidates"]):
            raise BenchmarkError(
                f"{path} mixes n: {gain.shape} log-probabilities, {performance.shape} performances, "
                f"{len(arrays['candidates'])} candidates: run the quality stage again"
            )
        return cls(gain, performance, zero_shot, arrays["candidates"])


def rounded_gain(log_probability: NDArray[np.floating], zero_shot: NDArray[np.floating]) -> NDArray[np.float32]:
    """log p(y | demonstration, x) - log p(y | x), float32 [..., query], rounded to 1e-5 nats."""
    gain = log_probability.astype(np.float64) - zero_shot.astype(np.float64)
    return (np.round(gain, GAIN_DECIMALS) + 0.0).astype(np.float32)


def build_cells(
    model: str, dataset: str, *, activations: Path, quality: Path, family: FamilyParameters, fingerprint: str
) -> Cells:
    """Cells from `activations/M/D/{scores.npz, candidates.csv}` and `quality/M/D/matrices.npz`.

    Raises `BenchmarkError` where they lack a declared column or disagree about the candidates.
    """
    folder = activations / model / dataset
    scores = Scores.read(folder / "scores.npz")
    table = read_candidates(folder / "candidates.csv")
    matrices = Matrices.read(quality / model / dataset / "matrices.npz")
    check_candidates(f"{model}-{dataset}", scores.candidates, table["candidate"], matrices.candidates)
    columns = scores.declared(family, str(folder / "scores.npz"))
    return Cells(
        model=model,
        dataset=dataset,
        columns=columns,
        scores=scores.columns(columns),
        log_probability_gain=matrices.gain,
        performance=matrices.performance,
        candidates=np.asarray(scores.candidates, dtype=np.str_),
        n_input=table["n_input"].to_numpy(np.int64),
        n_target=table["n_target"].to_numpy(np.int64),
        label=table["label"].to_numpy(np.str_),
        first_token=table["first_token"].to_numpy(np.str_),
        fingerprint=fingerprint,
    )


def read_candidates(path: Path) -> pd.DataFrame:
    names = ("candidate", "n_input", "n_target", "first_token", "label")
    table = read_table(path, columns=names, text=("candidate", "first_token", "label"))
    lengths = table[["n_input", "n_target"]]
    if lengths.isna().any(axis=None) or not all(np.issubdtype(t, np.number) for t in lengths.dtypes):
        raise BenchmarkError(f"{path}: a candidate has no n_input or n_target: extract again")
    return table


def check_candidates(name: str, *columns: Iterable[object]) -> None:
    """Raises `BenchmarkError` unless all `columns` name the same candidates in the same order."""
    first, *rest = [list(map(str, column)) for column in columns]
    for other in rest:
        if len(other) != len(first):
            raise BenchmarkError(f"{name} mixes n: {len(first)} and {len(other)} candidates: run its stages again")
        different = next((pair for pair in zip(first, other, strict=True) if pair[0] != pair[1]), None)
        if different:
            raise BenchmarkError(
                f"{name}: activations and quality disagree about the candidates ({different[0]} and {different[1]}): "
                "run both stages again"
            )


def read_all_cells(
    folder: Path, pairs: Sequence[tuple[str, str]], family: FamilyParameters, fingerprints: Mapping[str, str]
) -> list[Cells]:
    """The cells of `pairs`, checked: all there, none besides, of the current parameters, one family, one n a dataset.

    `fingerprints` {M-D: of the current parameters}. Raises `BenchmarkError` naming the first that is wrong.
    """
    expected = {f"{model}-{dataset}" for model, dataset in pairs}
    foreign = sorted(path.stem for path in folder.glob("*.npz") if path.stem not in expected)
    if foreign:
        raise BenchmarkError(f"{folder} holds {foreign[0]}.npz, which no parameter names: delete it")
    every = [Cells.read(folder / f"{model}-{dataset}.npz") for model, dataset in pairs]
    for cells in every:
        if cells.fingerprint != fingerprints[cells.name]:
            raise BenchmarkError(
                f"{folder / cells.name}.npz was made with other parameters "
                f"({cells.fingerprint}, now {fingerprints[cells.name]}): {AGAIN}"
            )
    check_family(every, family)
    return every


def check_family(every: Sequence[Cells], family: FamilyParameters) -> None:
    """Raises `BenchmarkError` unless `every` cell is declared, no pool is double, and a dataset has one pool only."""
    if not every:
        raise BenchmarkError("there are no cells: name at least one model and one dataset")
    pools: dict[str, Cells] = {}
    names: set[str] = set()
    declared = set(product(family.sites, family.masks, family.poolings, map(str, family.layers), family.statistics))
    sites = {site: {c.statistic for c in every[0].columns if c.site == site} for site in family.sites}
    for cells in every:
        if cells.name in names:
            raise BenchmarkError(f"cells {cells.name} occur twice")
        names.add(cells.name)
        stray = set(cells.columns) - declared
        missing = {c for c in declared if c[4] in sites[c[0]]} - set(cells.columns)
        if stray or missing:
            what, column = ("hold undeclared", min(stray)) if stray else ("lack the declared", min(missing))
            raise BenchmarkError(f"cells {cells.name} {what} column {'/'.join(column)}: {AGAIN}")
        other = pools.setdefault(cells.dataset, cells)
        if other.n != cells.n or (other.candidates != cells.candidates).any():
            raise BenchmarkError(
                f"{other.name} (n = {other.n}) and {cells.name} (n = {cells.n}) have different candidates: "
                "models must share a dataset's pool; run their extract stages again"
            )
