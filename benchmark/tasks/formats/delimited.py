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

BLOCK = 1 << 22
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
        try:
            first = [parse_json(cell) for cell in present.slice(0, SAMPLE).to_pylist()]
        except (ValueError, BenchmarkError):
            return False
        return all(isinstance(value, list | dict) for value in first) and bool(
            pa.compute.all(pa.compute.match_substring_regex(present, r"^\s*[\[{]")).as_py()
        )


def _require_quotes(raw: bytes, delimiter: str) -> None:
    """Raises `BenchmarkError` for a cell that opens with a quote and does not end with one.

    Where quotes are even, and each run of an odd number of them stands beside a delimiter or a line end, all is well;
    else `csv` judges.
    """
    other = rf'[^"{re.escape(delimiter)}\r\n]'.encode()
    inside = b'"(?<=' + other + b'")(?:"")*(?=' + other + b")"  # begins with the quote itself, which `re` finds fast
    if raw.count(b'"') % 2 == 0 and not re.search(inside, raw):
        return
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(raw.decode(), newline=""), delimiter=delimiter, strict=True)
    try:
        for _ in reader:
            pass
    except csv.Error as error:
        raise BenchmarkError(
            f"after line {reader.line_num}, {error}: correct its quotes, or state `quoting: false` if they mean nothing"
        ) from error


def _parse(raw: bytes, delimiter: str, quoting: bool, header: tuple[str, ...] | None) -> pa.Table:
    """Every cell as its text; in one block without threads where blocks fail, which also knows the row of a fault."""

    def read(block: int, threads: bool) -> pa.Table:
        return pyarrow.csv.read_csv(
            pa.BufferReader(raw),
            pyarrow.csv.ReadOptions(block_size=block, use_threads=threads, column_names=header),
            pyarrow.csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if quoting else False, newlines_in_values=quoting
            ),
            pyarrow.csv.ConvertOptions(
                strings_can_be_null=False, default_column_type=pa.large_string(), check_utf8=False
            ),
        )

    try:
        return read(BLOCK, True)
    except pa.ArrowInvalid:
        return read(min(len(raw) + 1, LARGEST), False)


def _open(path: Path, reading: Reading, columns: Collection[str] | None, *, delimiter: str) -> Delimited:
    delimiter = reading.delimiter or delimiter
    quoting = reading.quoting is not False
    raw = content(path)
    if reading.encoding is None:
        raw.decode()  # refuses another encoding, also in columns that nothing uses
    else:
        raw = raw.decode(reading.encoding).encode()
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if not raw or raw.isspace():
        raise BenchmarkError("it is empty")
    if quoting:
        _require_quotes(raw, delimiter)
    try:
        table = _parse(raw, delimiter, quoting, reading.header)
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
