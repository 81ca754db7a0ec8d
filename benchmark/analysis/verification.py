"""Is what was committed what its cells give? All of it is computed again; the first difference is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.analysis.claim import Claim, ClaimInputs, check_current, compute
from benchmark.analysis.correlation import TOLERANCE
from benchmark.artefacts.cells import Cells
from benchmark.artefacts.difference import Difference, differences
from benchmark.errors import BenchmarkError
from benchmark.storage import read_json, read_table


def verify(inputs: ClaimInputs) -> Claim:
    """Recomputes correlations of the family, tables and verdict from the cells.

    Returns the claim as recomputed. Raises `BenchmarkError` at the first number that differs by more than 2e-6 from
    what is committed, at an edited file, and at what other parameters made.
    """
    path = inputs.results / "claim.json"
    committed = read_json(path)
    check_digests(committed, inputs.cells, path)
    claim = compute(inputs)
    check_current(committed, inputs)
    for name, digest in claim.summary["digests"].items():
        if committed["digests"].get(name) != digest:
            raise BenchmarkError(changed(inputs.results / name))
    difference = first(committed, claim.summary)
    if difference:
        raise BenchmarkError(
            f"{path} is not what the cells give: {difference.where} is {difference.one!r}, recomputed "
            f"{difference.other!r}: run the claim stage again"
        )
    if first(read_json(inputs.results / "metrics.json"), claim.metrics()):
        raise BenchmarkError(f"{inputs.results / 'metrics.json'} is not what the cells give: run the claim stage again")
    for name, table in claim.tables.items():
        compare_tables(inputs.results / name, table)
    return claim


def check_digests(committed: Any, cells: Path, path: Path) -> None:
    """Raises unless every file that the claim was computed from is still what it was."""
    digests = committed.get("digests") if isinstance(committed, dict) else None
    if not isinstance(digests, dict):
        raise BenchmarkError(f"{path} is not a claim of this version: run the claim stage again")
    for name, digest in digests.items():
        if name.endswith(".npz") and Cells.read(cells / Path(name).name).digest() != digest:
            raise BenchmarkError(changed(cells / Path(name).name))


def changed(path: Path) -> str:
    return f"{path} was changed after the claim was computed from it: restore it, or run the claim stage again"


def compare_tables(path: Path, table: pd.DataFrame) -> None:
    """Raises at a number of the table in `path` that differs from `table`."""
    texts = [column for column in table.columns if not pd.api.types.is_numeric_dtype(table[column])]
    found = read_table(path, columns=list(table.columns), text=texts)
    if len(found) != len(table):
        raise BenchmarkError(f"{path} has {len(found)} rows, the cells give {len(table)}: run the claim stage again")
    columns = {name: [_column(frame[name], name in texts) for frame in (found, table)] for name in table.columns}
    one, other = ({name: pair[side] for name, pair in columns.items()} for side in (0, 1))
    difference = first(one, other)
    if difference:
        raise BenchmarkError(
            f"{path}, row {difference.index[0] + 1}: {difference.where} is {difference.one}, the cells give "
            f"{difference.other}: run the claim stage again"
        )


def _column(values: pd.Series[Any], text: bool) -> NDArray[Any]:
    if text:
        return np.asarray(values.fillna("").astype(str), dtype=object)
    return np.asarray(pd.to_numeric(values, errors="coerce").astype("Float64").to_numpy(np.float64, na_value=np.nan))


def first(found: Any, wanted: Any) -> Difference | None:
    """The first difference that is more than rounding."""
    return next((each for each in differences(found, wanted) if each.size > TOLERANCE), None)
