"""The cells of one (model, dataset), built from what the stages before wrote, and checked against the declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.analysis.parameters import FamilyParameters
from benchmark.analysis.targets import identify
from benchmark.artefacts.cells import AGAIN, Cells
from benchmark.artefacts.column import Column
from benchmark.artefacts.features import FeatureScores, of_features
from benchmark.artefacts.matrices import Matrices
from benchmark.artefacts.scores import ActivationScores
from benchmark.errors import BenchmarkError
from benchmark.tasks.dataset import Dataset

Families = Mapping[str, FamilyParameters]
ROUNDING = 2e-6
"""Of a column's largest size. A feature of the same token in two batches differs by float32's last bits, which another
processor rounds otherwise: scores of features nearer than this are equal."""


@dataclass(frozen=True)
class Scores:
    """All scores of a pool: of its activations, and of the features of the model's dictionaries where it has them."""

    activations: ActivationScores
    features: FeatureScores | None = None

    def columns(self, columns: Sequence[Column]) -> NDArray[np.float32]:
        """[candidate, column]"""
        return np.stack([self._column(column) for column in columns], axis=1)

    def applies(self, column: Column) -> bool:
        """Whether the model has such a score: a dictionary, or at that site such a statistic."""
        if of_features(column):
            return self.features is not None
        return self.activations.applies(column.site, column.statistic)

    def _column(self, column: Column) -> NDArray[np.float32]:
        if not of_features(column):
            return self.activations.column(column)  # equal inputs have equal scores, to the bit
        assert self.features is not None
        return without_rounding(self.features.column(column))


def without_rounding(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """`scores` [candidate], each chain of those nearer than `ROUNDING` to the next replaced by the lowest of it."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.diff(ordered, prepend=-np.inf) > ROUNDING * np.abs(scores).max(initial=0)
    found = np.empty_like(scores)
    found[order] = ordered[starts][np.cumsum(starts) - 1]
    return found


def build_cells(
    model: str,
    dataset: Dataset,
    scores: Scores,
    matrices: Matrices,
    families: Families,
    fingerprint: str,
) -> Cells:
    """The cells of `model` on `dataset`. Raises `BenchmarkError` where `scores` lack a declared column, or the three
    disagree about the candidates or queries.
    """
    name = f"{model}-{dataset.name}"
    candidates = [example.id for example in dataset.pool]
    every = [scores.activations.candidates, matrices.candidates]
    every += [] if scores.features is None else [scores.features.candidates]
    check_same(name, "candidates", candidates, *(names.tolist() for names in every))
    check_same(name, "queries", [example.id for example in dataset.queries], matrices.queries.tolist())
    columns = declared(scores, families, name)
    targets = identify(dataset.pool, dataset.queries)
    return Cells(
        model=model,
        dataset=dataset.name,
        columns=columns,
        scores=scores.columns(columns),
        gain=matrices.gain,
        performance=matrices.performance,
        candidates=np.asarray(scores.activations.candidates, dtype=np.str_),
        n_input=scores.activations.n_input,
        n_target=scores.activations.n_target,
        first_token=scores.activations.first_token,
        target=targets.pool,
        query_target=targets.queries,
        target_problem=targets.problem,
        fingerprint=fingerprint,
    )


def declared(scores: Scores, families: Families, where: str) -> tuple[Column, ...]:
    """The columns of all families, each once, less those that the model does not have (`Scores.applies`)."""
    columns = dict.fromkeys(
        column
        for name, family in families.items()
        for column in _declared(scores, family, f"the family {name}", where)
        if scores.applies(column)
    )
    if not columns:
        raise BenchmarkError(f"the scores of {where} have a value for no column of a declared family: extract again")
    return tuple(columns)


def _declared(scores: Scores, family: FamilyParameters, name: str, where: str) -> Iterator[Column]:
    columns = family.columns
    of_activations = [column for column in columns if not of_features(column)]
    for axis, wanted in (
        ("sites", dict.fromkeys(column.site for column in of_activations)),
        ("masks", dict.fromkeys(column.mask for column in of_activations)),
        ("poolings", dict.fromkeys(column.pooling for column in of_activations)),
        ("layers", dict.fromkeys(column.layer for column in of_activations if column.layer != "mean")),
        ("statistics", dict.fromkeys(column.statistic for column in of_activations)),
    ):
        missing = [name for name in wanted if name not in scores.activations.names(axis)]
        if missing:
            raise BenchmarkError(
                f"the scores of {where} lack {axis} {', '.join(missing)} of {name}: extract them, or declare less"
            )
    yield from columns


def check_same(name: str, what: str, *columns: list[str]) -> None:
    """Raises `BenchmarkError` unless all `columns` name the same candidates, or queries, in the same order."""
    first, *rest = columns
    for other in rest:
        if len(other) != len(first):
            raise BenchmarkError(f"{name} mixes n: {len(first)} and {len(other)} {what}: run its stages again")
        different = next((pair for pair in zip(first, other, strict=True) if pair[0] != pair[1]), None)
        if different:
            raise BenchmarkError(
                f"{name}: dataset, activations and quality disagree about the {what} ({different[0]} and "
                f"{different[1]}): run their stages again"
            )


def read_all_cells(
    folder: Path, pairs: Sequence[tuple[str, str]], families: Families, fingerprints: Mapping[str, str]
) -> list[Cells]:
    """The cells of `pairs`, checked: all there, none besides, of the current parameters, the declared columns, one n a
    dataset.

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
    check_families(every, families)
    return every


def check_families(every: Sequence[Cells], families: Families) -> None:
    """Raises `BenchmarkError` unless `every` cell is declared, no pool is double, and a dataset has one pool only."""
    if not every:
        raise BenchmarkError("there are no cells: name at least one model and one dataset")
    pools: dict[str, Cells] = {}
    names: set[str] = set()
    columns = {column for family in families.values() for column in family.columns}
    plain = {column for column in columns if not of_features(column)}
    sites = {c.site: {other.statistic for other in every[0].columns if other.site == c.site} for c in columns}
    for cells in every:
        if cells.name in names:
            raise BenchmarkError(f"cells {cells.name} occur twice")
        names.add(cells.name)
        stray = set(cells.columns) - columns
        own = plain if not any(map(of_features, cells.columns)) else columns  # a model has dictionaries, or has none
        missing = {c for c in own if of_features(c) or c.statistic in sites[c.site]} - set(cells.columns)
        if stray or missing:
            what, column = ("hold undeclared", min(stray)) if stray else ("lack the declared", min(missing))
            raise BenchmarkError(f"cells {cells.name} {what} column {'/'.join(column)}: {AGAIN}")
        other = pools.setdefault(cells.dataset, cells)
        if other.n != cells.n or (other.candidates != cells.candidates).any() or (other.target != cells.target).any():
            raise BenchmarkError(
                f"{other.name} (n = {other.n}) and {cells.name} (n = {cells.n}) have different candidates or targets: "
                "models must share a dataset's pool; run their extract stages again"
            )
