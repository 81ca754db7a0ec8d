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

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import comparable
from benchmark.tasks.rows import Reading, file_format, utf8
from benchmark.tasks.values import Cell, parse_json

BLOCK = 1 << 22
LARGEST = 2**31 - 1  # bytes of a block of pyarrow
SAMPLE = 1000
"""Cells that are looked at to learn whether a column holds lists or objects."""
BRACKETS = re.compile(r"\s*(\[.*\]|\{.*\})\s*", re.DOTALL)
PYTHON = re.compile(r"\s*[\[{]\s*'")


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
        cells = {name: self._table.column(name)[index].as_py() for name in columns}
        if len(cells) > 1 and all(name == cell.strip() for name, cell in cells.items()):
            raise BenchmarkError("it repeats the header: remove it, or leave `header` out")
        return {name: self._value(name, cell) for name, cell in cells.items()}

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
        cells = present.slice(0, SAMPLE).to_pylist()
        try:
            first = [parse_json(cell) for cell in cells]
        except ValueError:
            if all(map(BRACKETS.fullmatch, cells)) and any(map(PYTHON.match, cells)):
                raise BenchmarkError(
                    f"column {name!r} holds lists as Python prints them, and the columns of a CSV hold texts or JSON: "
                    f"write them with json.dumps"
                ) from None
            return False
        return all(isinstance(value, list | dict) for value in first) and bool(
            pa.compute.all(pa.compute.match_substring_regex(present, r"^\s*[\[{]")).as_py()
        )


def _require_quotes(raw: bytes, delimiter: str) -> None:
    """Raises `BenchmarkError` for a cell that opens with a quote and does not end with one: pyarrow would misread it.

    All is well where each second quote opens a cell, at its beginning, and the next one closes it, at its end; two
    that touch are a quote in a cell. Elsewhere `csv` judges.
    """
    text = np.frombuffer(raw, np.uint8)
    quotes = np.flatnonzero(text == ord('"'))
    if not len(quotes):
        return
    if len(quotes) % 2 == 0:
        opening, closing = quotes[::2], quotes[1::2]
        border = np.isin(np.arange(256), [*b"\r\n", ord(delimiter)])
        touching = opening[1:] == closing[:-1] + 1
        begins, ends = border[text[opening - 1]], border[text[(closing + 1) % len(text)]]
        begins[1:] |= touching
        ends[:-1] |= touching
        begins[0] |= opening[0] == 0
        ends[-1] |= closing[-1] == len(text) - 1
        if begins.all() and ends.all():
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
    raw = utf8(path, reading.encoding)
    raw.decode()  # refuses another encoding, also in columns that nothing uses
    if not raw or raw.isspace():
        raise BenchmarkError("it is empty")
    if quoting:
        _require_quotes(raw, delimiter)
    try:
        table = _parse(raw, delimiter, quoting, reading.header)
    except pa.ArrowInvalid as error:
        raise BenchmarkError(_explained(str(error), delimiter)) from error
    names = [name.strip() for name in table.column_names]
    twice = [name for name, count in Counter(map(comparable, names)).items() if count > 1 and name]
    if twice:
        raise BenchmarkError(f"its header names the column {twice[0]!r} twice: rename one of them")
    if reading.header and len(table) and [cell.strip() for cell in table.slice(0, 1).to_pylist()[0].values()] == names:
        raise BenchmarkError("its first line is the header that `header` states: leave `header` out")
    return Delimited(table.rename_columns(names), 1 if reading.header else 2)


def _explained(error: str, delimiter: str) -> str:
    found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", error)
    if not found:
        return error
    row, expected, cells = found.groups()
    return (
        f"row {row} has {cells} cells, and the header {expected}: quote a cell that holds {delimiter!r}, or state "
        f"`delimiter` or `header`"
    )


OPTIONS = ("delimiter", "header", "quoting", "encoding")
file_format("csv", ".csv", options=OPTIONS)(partial(_open, delimiter=","))
file_format("tsv", ".tsv", ".tab", options=OPTIONS[1:])(partial(_open, delimiter="\t"))
