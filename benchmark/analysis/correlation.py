"""`results/correlations.csv`: rho of every score with every outcome, declared and explored, one shot and more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from benchmark.analysis.cells import Scores, build_cells, check_families
from benchmark.analysis.parameters import ClaimParameters, ExplorationParameters
from benchmark.analysis.ranking import rank, why
from benchmark.analysis.spearman import fisher_interval, p_values
from benchmark.artefacts.cells import AGAIN, KEY, Cells, query_mean
from benchmark.artefacts.column import Column
from benchmark.artefacts.correlations import COLUMNS, DECIMALS, read_correlations, write_correlations
from benchmark.artefacts.features import FeatureScores
from benchmark.artefacts.matrices import Matrices, gain
from benchmark.artefacts.scores import ActivationScores
from benchmark.artefacts.sets import Sets, read_sets
from benchmark.errors import BenchmarkError
from benchmark.tasks.dataset import Dataset

OUTCOMES = ("quality", "performance")
TOLERANCE = 2e-6
"""Committed floats have 6 decimals; another machine's logarithms may turn the last one."""


@dataclass(frozen=True)
class Upstream:
    """The folders that the stages before wrote: `datasets/D/`, `activations/M/D/`, `quality/M/D/`, `features/M/D/`."""

    data: Path

    def dataset(self, dataset: str) -> Dataset:
        return Dataset.read(self.data / "datasets" / dataset)

    def scores(self, model: str, dataset: str) -> Scores:
        activations = ActivationScores.read(self.data / "activations" / model / dataset)
        features = self.data / "features" / model / dataset / "features.npz"
        return Scores(activations, FeatureScores.read(features) if features.parent.is_dir() else None)

    def matrices(self, model: str, dataset: str) -> Matrices:
        return Matrices.read(self.data / "quality" / model / dataset)

    def sets(self, model: str, dataset: str) -> dict[int, Sets]:
        return read_sets(self.data / "quality" / model / dataset)


def correlate(
    pairs: Sequence[tuple[str, str]],
    *,
    data: Path,
    cells: Path,
    table: Path,
    parameters: ClaimParameters,
    context: Mapping[str, Any],
) -> pd.DataFrame:
    """Writes `cells/M-D.npz` for every (model, dataset) of `pairs` and all correlations to `table`, and returns them.

    `data` is the folder of `Upstream`; `context` is what else the inputs were made from (extraction and quality
    parameters, say): it goes into the fingerprint. Nothing is written before everything was read and checked; raises
    `BenchmarkError`.
    """
    if not pairs:
        raise BenchmarkError("there is nothing to correlate: name at least one model and one dataset")
    expected = {f"{model}-{dataset}.npz" for model, dataset in pairs}
    foreign = sorted(path.name for path in cells.glob("*.npz") if path.name not in expected)
    if foreign:
        raise BenchmarkError(f"{cells} holds {', '.join(foreign)}, which no parameter names: delete what is listed")
    mark = parameters.cells_fingerprint(context)
    upstream = Upstream(data)
    every: list[Cells] = []
    frames: list[pd.DataFrame] = []
    for model, dataset in tqdm(pairs, desc="correlate", unit="pool", disable=None):
        scores, matrices = upstream.scores(model, dataset), upstream.matrices(model, dataset)
        pool = build_cells(model, upstream.dataset(dataset), scores, matrices, parameters.families, mark)
        every.append(pool)
        frames.append(pool_correlations(pool, scores, matrices, upstream.sets(model, dataset), parameters))
    check_families(every, parameters.families)
    frame = pd.concat(frames, ignore_index=True)
    for pool in every:
        pool.write(cells)
    write_correlations(table, frame)
    return frame


def pool_correlations(
    pool: Cells, scores: Scores, matrices: Matrices, sets: Mapping[int, Sets], parameters: ClaimParameters
) -> pd.DataFrame:
    """Every cell of one pool, in the columns of `correlations.csv`."""
    columns = list(dict.fromkeys((*pool.columns, *explored(scores.activations, parameters.exploration))))
    outcomes = np.stack([pool.outcome(outcome) for outcome in OUTCOMES])
    frames = [correlation_rows(pool, columns, scores.columns(columns), outcomes, 1, parameters.alpha)]
    means = [c for c in columns if c.layer == "mean" and parameters.exploration.lists(c.site, c.pooling)]
    for shots, part in sets.items():
        # float64: the mean over members must not depend on their order by more than rounding, and ties must stay ties
        mean = scores.columns(means).astype(np.float64)[part.members].mean(axis=1).round(12)
        gains = gain(part.log_probability, matrices.zero_shot_log_probability)
        outcomes = np.stack([query_mean(gains), query_mean(part.performance)])
        frames.append(correlation_rows(pool, means, mean, outcomes, shots, parameters.alpha))
    return pd.concat(frames, ignore_index=True)


def explored(scores: ActivationScores, exploration: ExplorationParameters) -> Iterator[Column]:
    """Every layer mean, and the single layers that `exploration` lists; what does not apply is left out."""
    axes = ("sites", "masks", "poolings", "statistics")
    for site, mask, pooling, statistic in product(*map(scores.names, axes)):
        if scores.applies(site, statistic):
            layers = scores.names("layers") if exploration.lists(site, pooling) else []
            for layer in ("mean", *layers):
                yield Column(site, mask, pooling, layer, statistic)


def correlation_rows(
    pool: Cells,
    columns: Sequence[Column],
    values: NDArray[np.floating],
    outcomes: NDArray[np.float64],
    shots: int,
    alpha: float,
) -> pd.DataFrame:
    """Rows for `values` [n, column] against `outcomes` [quality and performance, n]."""
    ranking = rank(np.ascontiguousarray(values.T), outcomes)
    rho = ranking.rho
    n = outcomes.shape[1]
    low, high = fisher_interval(rho, n, alpha)
    names = pd.DataFrame(columns, columns=list(Column._fields))
    parts = [
        names.assign(
            model=pool.model,
            dataset=pool.dataset,
            outcome=outcome,
            shots=shots,
            n=n,
            n_distinct=n_distinct(values),
            rho=rho[:, t],
            ci_low=low[:, t],
            ci_high=high[:, t],
            p_value=p_values(rho[:, t], n),
            undefined=[why(reason, ranking.outcome_reasons[t]) for reason in ranking.score_reasons],
        )
        for t, outcome in enumerate(OUTCOMES)
    ]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)].round(DECIMALS)


def n_distinct(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """How many different values each column of `scores` [n, column] has."""
    ordered = np.sort(scores, axis=0)
    counts: NDArray[np.int64] = 1 + (ordered[1:] != ordered[:-1]).sum(axis=0)
    return counts


def compare_correlations(path: Path, family: pd.DataFrame) -> None:
    """Raises at the first declared cell whose rho, n or reason in `path` is not that of `family` as stated."""
    family = family[family["claim"] == "as_stated"].drop_duplicates(list(KEY))
    names = ["n", "rho", "undefined"]
    committed = read_correlations(path).set_index(list(KEY))[names]
    wanted = family.set_index(list(KEY))[names]
    missing = wanted.index.difference(committed.index, sort=False)
    if len(missing):
        raise BenchmarkError(f"{path} lacks a declared cell: {'/'.join(map(str, missing[0]))}: {AGAIN}")
    found = committed.loc[wanted.index]
    same = np.isclose(found["rho"], wanted["rho"].round(DECIMALS["rho"]), rtol=0, atol=TOLERANCE, equal_nan=True)
    same &= (found["n"] == wanted["n"]) & (found["undefined"] == wanted["undefined"])
    if not same.all():
        key = wanted.index[~same][0]
        a, b = found.loc[key], wanted.loc[key]
        raise BenchmarkError(
            f"{path} is not what the cells give: {'/'.join(map(str, key))} has rho {a['rho']} at n = {a['n']}, "
            f"recomputed {b['rho']:.6f} at n = {b['n']}: {AGAIN}"
        )
