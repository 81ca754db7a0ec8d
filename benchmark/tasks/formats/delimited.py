"""CSV and TSV. A cell is the text that stands in it, and an empty one is a missing value.

Only lists and objects are more than text: a column whose cells are all JSON of that kind, such as ["red", "blue"].
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from benchmark.errors import BenchmarkError
from benchmark.tasks.rows import Reading, content, file_format
from benchmark.tasks.values import Cell, parse_json

LARGEST = 2**31 - 1  # bytes of a block of pyarrow
SAMPLE = 1000
"""Cells that are looked at to learn whether a column holds lists or objects."""


class Delimited:
    def __init__(self, table: pa.Table, first: int) -> None:
        self._table, self._first = table, first
        self.names = table.column_names
        self._structured: dict[str, bool] = {}

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def lacks(self, columns: Collection[str]) -> list[str]:
        return [name for name in columns if name not in self.names]

    def place(self, index: int) -> str:
        return f"row {index + self._first}"

    def row(self, index: int, columns: Collection[str]) -> dict[str, Any]:
        return {name: self._value(name, self._table.column(name)[index].as_py()) for name in columns}

    def _value(self, name: str, cell: str) -> Any:
        if not cell:
            return None
        if name not in self._structured:
            self._structured[name] = self._is_structured(name)
        if not self._structured[name]:
            return Cell(cell)
        try:
            return parse_json(cell)
        except ValueError as error:
            raise BenchmarkError(
                f"column {name!r} is not JSON ({error}), as its other cells are: {cell[:60]!r}"
            ) from error

    def _is_structured(self, name: str) -> bool:
        column = self._table.column(name)
        present = column.filter(pa.compute.not_equal(column, ""))
        if not pa.compute.all(pa.compute.match_substring_regex(present, r"^\s*[\[{]")).as_py():
            return False
        try:
            return all(isinstance(parse_json(cell), list | dict) for cell in present.slice(0, SAMPLE).to_pylist())
        except (ValueError, BenchmarkError):
            return False


def _require_quotes(text: str, delimiter: str) -> None:
    """Raises `BenchmarkError` for a cell that opens with a quote and does not end with one.

    Where every quote stands beside a delimiter or a line end, and they are even, all is well; else `csv` judges.
    """
    plain = text.replace('""', "")
    inside = rf'[^{re.escape(delimiter)}\r\n]"[^{re.escape(delimiter)}\r\n]'
    if text.count('"') % 2 == 0 and not re.search(inside, plain):
        return
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for _ in reader:
            pass
    except csv.Error as error:
        raise BenchmarkError(
            f"after line {reader.line_num}, {error}: correct its quotes, or state `quoting: false` if they mean nothing"
        ) from error


def _open(path: Path, reading: Reading, columns: Collection[str] | None, *, delimiter: str) -> Delimited:
    delimiter = reading.delimiter or delimiter
    quoting = reading.quoting is not False
    text = content(path).decode(reading.encoding or "utf-8").removeprefix("\ufeff")
    if not text.strip():
        raise BenchmarkError("it is empty")
    if quoting:
        _require_quotes(text, delimiter)
    raw = text.encode()
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(raw),
            pyarrow.csv.ReadOptions(
                block_size=min(len(raw) + 1, LARGEST), use_threads=False, column_names=reading.header
            ),
            pyarrow.csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if quoting else False, newlines_in_values=quoting
            ),
            pyarrow.csv.ConvertOptions(
                strings_can_be_null=False, default_column_type=pa.large_string(), check_utf8=False
            ),
        )
    except pa.ArrowInvalid as error:
        found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", str(error))
        reason = f"row {found[1]} has {found[3]} cells, and the header {found[2]}" if found else str(error)
        raise BenchmarkError(reason) from error
    names = [name.strip() for name in table.column_names]
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise BenchmarkError(f"its header names the column {twice[0]!r} twice: rename one of them")
    return Delimited(table.rename_columns(names), 1 if reading.header else 2)


OPTIONS = ("delimiter", "header", "quoting", "encoding")
file_format("csv", ".csv", options=OPTIONS)(partial(_open, delimiter=","))
file_format("tsv", ".tsv", ".tab", options=OPTIONS[1:])(partial(_open, delimiter="\t"))
