"""One value out of a result file, as a comment beside a number names it.

    results/claim.json: verdict                                             keys of JSON, joined by dots
    results/gpu/card.json: copy_bandwidth / 1e12                            in another unit
    results/gpu/card.json: figures: value if name == "one mask"             a list of records is a table
    results/family.csv: sum(abs(rho) > 0.33) if family == "paper"           over the rows for which the condition holds

Expression and condition are those of `pandas.DataFrame.eval` and `query`. Without `median`, `max`, ... before it, an
expression must leave a single row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from benchmark.errors import BenchmarkError
from benchmark.storage import read_json, read_table

Value = str | int | float
SUMMARIES: Mapping[str, Callable[[pd.Series], Value]] = {
    "count": lambda column: int(column.count()),
    "distinct": lambda column: int(column.nunique()),
    "max": lambda column: column.max(),
    "mean": lambda column: column.mean(),
    "median": lambda column: column.median(),
    "min": lambda column: column.min(),
    "sum": lambda column: column.sum(),
}
SUMMARY = re.compile(rf"({'|'.join(SUMMARIES)})\((.+)\)")
SCALED = re.compile(r"(\S+?)(?: ([*/]) (\S+))?")


def look_up(reference: str) -> Value:
    """The value that `reference`, as above, names in a file of this repository.

    Raises `BenchmarkError` where there is none, or where it is no single text or number.
    """
    try:
        name, what = reference.split(": ", 1)
        return _of_table(read_table(Path(name)), what) if name.endswith(".csv") else _of_json(Path(name), what)
    except BenchmarkError as error:
        raise BenchmarkError(f"{reference}: {error}") from error
    except Exception as error:  # an expression fails in as many ways as pandas has
        raise BenchmarkError(f"{reference}: {type(error).__name__}: {error}") from error


def _of_json(path: Path, what: str) -> Value:
    keys, _, table = what.partition(": ")
    found = SCALED.fullmatch(keys)
    if found is None:
        raise BenchmarkError("it has no path of keys")
    value = read_json(path)
    for key in found[1].split("."):
        value = value[int(key)] if isinstance(value, list) else value[key]
    if table:
        return _of_table(pd.DataFrame(value), table)
    if found[2]:
        value = value * float(found[3]) if found[2] == "*" else value / float(found[3])
    return _single(value)


def _of_table(table: pd.DataFrame, what: str) -> Value:
    expression, _, condition = what.partition(" if ")
    rows = table.query(condition, engine="python") if condition else table
    summary = SUMMARY.fullmatch(expression)
    column = rows.eval(summary[2] if summary else expression, engine="python")
    if summary is None and len(column) != 1:
        raise BenchmarkError(f"{len(column)} rows, where one is meant")
    value = SUMMARIES[summary[1]](column) if summary else column.iloc[0]
    return _single(value.item() if hasattr(value, "item") else value)


def _single(value: object) -> Value:
    if not isinstance(value, str | int | float) or isinstance(value, bool) or pd.isna(value):
        raise BenchmarkError(f"{value if value is None else type(value).__name__}, where a text or a number is meant")
    return value


def written(value: Value, before: str) -> str:
    """`value` as the text `before` is written: with as many decimals, and thousands apart."""
    if isinstance(value, str):
        return value
    return f"{value:,.{len(before.partition('.')[2])}f}"
