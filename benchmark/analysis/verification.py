"""Is what was committed what its cells give? All of it is computed again; the first difference is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.analysis.claim import Claim, ClaimInputs, check_current, compute
from benchmark.analysis.correlation import TOLERANCE
from benchmark.artefacts.cells import Cells
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
    difference = next(differences(committed, claim.summary), None)
    if difference:
        raise BenchmarkError(f"{path} is not what the cells give: {difference}: run the claim stage again")
    for name, table in claim.tables.items():
        compare_tables(inputs.results / name, table)
    return claim


def check_digests(committed: Any, cells: Path, path: Path) -> None:
    """Raises unless every file that the claim was computed from is still what it was."""
    digests = committed.get("digests") if isinstance(committed, dict) else None
    if not isinstance(digests, dict):
        raise BenchmarkError(f"{path} is no claim of this version: run the claim stage again")
    for name, digest in digests.items():
        if name.endswith(".npz") and Cells.read(cells / Path(name).name).digest() != digest:
            raise BenchmarkError(changed(cells / Path(name).name))


def changed(path: Path) -> str:
    return f"{path} was changed after the claim was computed from it: restore it, or run the claim stage again"


def compare_tables(path: Path, table: pd.DataFrame) -> None:
    """Raises at the first number of the table in `path` that differs from `table`."""
    texts = [column for column in table.columns if not pd.api.types.is_numeric_dtype(table[column])]
    found = read_table(path, columns=list(table.columns), text=texts)
    if len(found) != len(table):
        raise BenchmarkError(f"{path} has {len(found)} rows, the cells give {len(table)}: run the claim stage again")
    for column in table.columns:
        a, b = found[column], table[column].reset_index(drop=True)
        if column in texts:
            same = a == b.fillna("").astype(str)
        else:
            numbers = [pd.to_numeric(s, errors="coerce").to_numpy(np.float64, na_value=np.nan) for s in (a, b)]
            same = pd.Series(np.isclose(numbers[0], numbers[1], rtol=1e-9, atol=TOLERANCE, equal_nan=True))
        if not same.all():
            row = int(np.argmin(same))
            raise BenchmarkError(
                f"{path}, row {row + 1}: {column} is {a[row]}, the cells give {b[row]}: run the claim stage again"
            )


def differences(found: Any, wanted: Any, where: str = "") -> Iterator[str]:
    """Where two JSON values differ, floats by more than the tolerance; in words."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in [*wanted, *(k for k in found if k not in wanted)]:
            here = f"{where}.{key}".lstrip(".")
            if key not in found or key not in wanted:
                yield f"{here} is {'missing' if key not in found else 'unknown'}"
            else:
                yield from differences(found[key], wanted[key], here)
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for i, pair in enumerate(zip(found, wanted, strict=True)):
            yield from differences(*pair, f"{where}[{i}]")
    elif isinstance(found, float | int) and isinstance(wanted, float) and not isinstance(found, bool):
        if not abs(found - wanted) <= TOLERANCE:
            yield f"{where} is {found}, recomputed {wanted}"
    elif type(found) is not type(wanted) or found != wanted:
        yield f"{where} is {found!r}, recomputed {wanted!r}"
