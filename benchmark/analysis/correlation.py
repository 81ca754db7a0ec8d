"""`results/correlations.csv`: rho of every score with every target, declared and explored, one shot and more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from benchmark.analysis.cells import (
    AGAIN,
    KEY,
    Cells,
    Column,
    Matrices,
    Scores,
    build_cells,
    check_family,
    query_mean,
    rounded_gain,
)
from benchmark.analysis.parameters import ClaimParameters, ExplorationParameters, fingerprint
from benchmark.analysis.spearman import correlate_ranks, fisher_interval, p_values, rank_columns
from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, read_table, write_table

VALUES = ("n", "rho", "ci_low", "ci_high", "p_value", "undefined")
COLUMNS = (*KEY, *VALUES)
TARGETS = ("quality", "performance")
DECIMALS = {"rho": 6, "ci_low": 4, "ci_high": 4, "p_value": 6}
TOLERANCE = 2e-6
"""Committed floats have 6 decimals; another machine's logarithms may turn the last one."""


def correlate(
    pairs: Sequence[tuple[str, str]],
    *,
    activations: Path,
    quality: Path,
    cells: Path,
    table: Path,
    parameters: ClaimParameters,
    context: Mapping[str, Any],
) -> pd.DataFrame:
    """Writes `cells/M-D.npz` for every (model, dataset) of `pairs` and all correlations to `table`, and returns them.

    `context` is what else the inputs were made from (extraction and quality parameters, say): it goes into the
    fingerprint. Nothing is written before everything was read and checked; raises `BenchmarkError`.
    """
    if not pairs:
        raise BenchmarkError("there is nothing to correlate: name at least one model and one dataset")
    expected = {f"{model}-{dataset}.npz" for model, dataset in pairs}
    foreign = sorted(path.name for path in cells.glob("*.npz") if path.name not in expected)
    if foreign:
        raise BenchmarkError(f"{cells} holds {foreign[0]}, which no parameter names: delete it")
    mark = fingerprint(parameters.family, context)
    every: list[Cells] = []
    frames: list[pd.DataFrame] = []
    for model, dataset in tqdm(pairs, desc="correlate", unit="pool", disable=None):
        pool = build_cells(
            model, dataset, activations=activations, quality=quality, family=parameters.family, fingerprint=mark
        )
        every.append(pool)
        frames.append(pool_correlations(pool, activations, quality, parameters))
    check_family(every, parameters.family)
    frame = pd.concat(frames, ignore_index=True)
    for pool in every:
        pool.write(cells)
    write_table(table, frame)
    return frame


def pool_correlations(pool: Cells, activations: Path, quality: Path, parameters: ClaimParameters) -> pd.DataFrame:
    """Every cell of one pool, in the columns of `correlations.csv`."""
    scores = Scores.read(activations / pool.model / pool.dataset / "scores.npz")
    matrices = Matrices.read(quality / pool.model / pool.dataset / "matrices.npz")
    columns = list(dict.fromkeys((*pool.columns, *explored(scores, parameters.exploration))))
    values = scores.columns(columns)
    targets = np.stack([pool.target(target) for target in TARGETS])
    frames = [correlation_rows(pool, columns, values, targets, 1, parameters.alpha)]
    means = [c for c in columns if c.layer == "mean" and parameters.exploration.lists(c.site, c.pooling)]
    for shots, members, gain, performance in read_sets(quality / pool.model / pool.dataset / "sets.npz", matrices):
        # float64: the mean over members must not depend on their order by more than rounding, and ties must stay ties
        mean = scores.columns(means).astype(np.float64)[members].mean(axis=1).round(12)
        targets = np.stack([query_mean(gain), query_mean(performance)])
        frames.append(correlation_rows(pool, means, mean, targets, shots, parameters.alpha))
    return pd.concat(frames, ignore_index=True)


def explored(scores: Scores, exploration: ExplorationParameters) -> Iterator[Column]:
    """Every layer mean, and the single layers that `exploration` lists; what does not apply is left out."""
    for site, mask, pooling, statistic in product(scores.sites, scores.masks, scores.poolings, scores.statistics):
        if scores.applies(site, statistic):
            layers = scores.layers if exploration.lists(site, pooling) else []
            for layer in ("mean", *layers):
                yield Column(site, mask, pooling, layer, statistic)


def read_sets(
    path: Path, matrices: Matrices
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]]:
    """For each k of `sets.npz`: k, members [set, k], gain [set, query], performance [set, query]."""
    arrays = read_arrays(path)
    for name in sorted(arrays, key=lambda n: (len(n), n)):
        if not name.startswith("members_"):
            continue
        k = name.removeprefix("members_")
        try:
            members, log_probability, performance = (
                arrays[f"{part}_{k}"] for part in ("members", "log_probability", "performance")
            )
        except KeyError as error:
            raise BenchmarkError(f"{path} lacks {error.args[0]}: run the quality stage again") from error
        gain = rounded_gain(log_probability, matrices.zero_shot)
        if not (np.isfinite(gain).all() and np.isfinite(performance).all()):
            raise BenchmarkError(f"{path}: a set of {k} has a value that is not finite: run the quality stage again")
        yield int(k), members.astype(np.int64), gain, performance.astype(np.float32)


def correlation_rows(
    pool: Cells,
    columns: Sequence[Column],
    values: NDArray[np.floating],
    targets: NDArray[np.float64],
    shots: int,
    alpha: float,
) -> pd.DataFrame:
    """Rows for `values` [n, column] against `targets` [quality and performance, n]."""
    x, reasons = rank_columns(np.ascontiguousarray(values.T))
    y, target_reasons = rank_columns(targets)
    rho = correlate_ranks(x, y)
    n = targets.shape[1]
    low, high = fisher_interval(rho, n, alpha)
    names = pd.DataFrame(columns, columns=list(Column._fields))
    parts = [
        names.assign(
            model=pool.model,
            dataset=pool.dataset,
            target=target,
            shots=shots,
            n=n,
            rho=rho[:, t],
            ci_low=low[:, t],
            ci_high=high[:, t],
            p_value=p_values(rho[:, t], n),
            undefined=[why(reason, target_reasons[t]) for reason in reasons],
        )
        for t, target in enumerate(TARGETS)
    ]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)].round(DECIMALS)


def why(score: str, target: str) -> str:
    """The reason for which a cell has no rho, from those of its score and its target."""
    return f"score {score}" if score else f"target {target}" if target else ""


def check_correlations(path: Path) -> pd.DataFrame:
    """Reads `correlations.csv`; raises where a cell occurs twice, or has neither a rho nor a reason for none."""
    frame = read_table(path, columns=COLUMNS, text=(*(set(KEY) - {"shots"}), "undefined"))
    double = frame.duplicated(list(KEY))
    if double.any():
        raise BenchmarkError(f"{path} holds a cell twice: {name(frame[double].iloc[0])}: {AGAIN}")
    numbers = ["rho", "ci_low", "ci_high", "p_value"]
    frame[numbers] = frame[numbers].apply(pd.to_numeric, errors="coerce")
    odd = frame[numbers].isna().any(axis=1) & (frame["undefined"] == "")
    if odd.any():
        raise BenchmarkError(
            f"{path}: a number is missing, and no reason given, in {name(frame[odd].iloc[0])}: {AGAIN}"
        )
    sizes = frame.groupby(["dataset", "shots"])["n"].nunique()
    if (sizes > 1).any():
        dataset, shots = sizes[sizes > 1].index[0]
        raise BenchmarkError(f"{path} mixes n in dataset {dataset} at {shots} shots: {AGAIN}")
    return frame


def compare_correlations(path: Path, family: pd.DataFrame) -> None:
    """Raises at the first declared cell whose rho, n or reason in `path` is not that of `family`."""
    names = ["n", "rho", "undefined"]
    committed = check_correlations(path).set_index(list(KEY))[names]
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


def name(row: Mapping[str, Any]) -> str:
    """A cell's key in one word."""
    return "/".join(str(row[key]) for key in KEY)
