"""CSV and TSV. A cell is the text that stands in it, and an empty one is a missing value.

Only lists and objects are more than text: a column whose cells are all JSON of that kind, such as ["red", "blue"].
Where rows begin and how many cells they have is looked up for the whole file; a row's cells are read when it is drawn.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import comparable
from benchmark.tasks.rows import Reading, file_format, utf8
from benchmark.tasks.values import Cell, parse_json

BLOCK = 1 << 19
"""Bytes that are looked at in one step, few enough for the processor's cache."""
SAMPLE = 1000
"""Rows that are looked at to learn whether a column holds lists or objects."""
BRACKETS = re.compile(r"\s*(\[.*\]|\{.*\})\s*", re.DOTALL)
PYTHON = re.compile(r"\s*[\[{]\s*'")
csv.field_size_limit(sys.maxsize)


class Delimited:
    """`cells` gives those of a row; `first` is the number of the first one in messages."""

    def __init__(self, names: list[str], count: int, cells: Callable[[int], list[str]], first: int) -> None:
        self.names, self._count, self._cells, self._first = names, count, cells, first
        self._places = {name: place for place, name in enumerate(names)}
        self._structured: dict[str, bool] = {}

    def __len__(self) -> int:
        return self._count

    def lacks(self, columns: Collection[str]) -> list[str]:
        return [name for name in columns if name not in self._places]

    def place(self, index: int) -> str:
        return f"row {index + self._first}"

    def row(self, index: int, columns: Collection[str]) -> dict[str, Any]:
        whole = self._cells(index)
        cells = {name: whole[self._places[name]] for name in columns}
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
        place = self._places[name]
        cells = [cell for index in range(min(SAMPLE, self._count)) if (cell := self._cells(index)[place])]
        try:
            return all(isinstance(parse_json(cell), list | dict) for cell in cells)
        except ValueError:
            if all(map(BRACKETS.fullmatch, cells)) and any(map(PYTHON.match, cells)):
                raise BenchmarkError(
                    f"column {name!r} holds lists as Python prints them, and the columns of a CSV hold texts or JSON: "
                    f"write them with json.dumps"
                ) from None
            return False


Index = NDArray[np.int64]


def _quotes_pair(text: NDArray[np.uint8], quotes: Index, delimiter: int) -> bool:
    """Whether each second quote opens a cell, at its beginning, and the next closes it, at its end.

    Two that touch are a quote in a cell. Without a quote there is nothing to ask.
    """
    if len(quotes) % 2 or not len(quotes):
        return not len(quotes)
    opening, closing = quotes[::2], quotes[1::2]
    border = np.isin(np.arange(256), [*b"\r\n", delimiter])
    touching = opening[1:] == closing[:-1] + 1
    begins, ends = border[text[opening - 1]], border[text[(closing + 1) % len(text)]]
    begins[1:] |= touching
    ends[:-1] |= touching
    begins[0] |= opening[0] == 0
    ends[-1] |= closing[-1] == len(text) - 1
    return bool(begins.all() and ends.all())


def _marks(text: NDArray[np.uint8], characters: bytes) -> Index:
    """Where any of the characters stands."""
    found = []
    for start in range(0, len(text), BLOCK):
        block = text[start : start + BLOCK]
        mask = block == characters[0]
        for character in characters[1:]:
            mask |= block == character
        found.append(np.flatnonzero(mask) + start)
    return np.concatenate(found)


def _reader(text: str, delimiter: str, quoting: bool) -> Iterator[list[str]]:
    style: Any = {} if quoting else {"quoting": csv.QUOTE_NONE}
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, **style)


def _rows(raw: bytes, delimiter: str, quoting: bool) -> tuple[NDArray[np.int64], Callable[[int], list[str]]]:
    """How many cells each row has, blank lines aside, and what gives those of a row."""
    text = np.frombuffer(raw, np.uint8)
    marks = _marks(text, b"\r\n" + delimiter.encode() + (b'"' if quoting else b""))
    kinds = text[marks]
    quote = kinds == ord('"') if quoting else np.zeros(len(marks), bool)
    if not _quotes_pair(text, marks[quote], ord(delimiter)):
        reader = _reader(raw.decode(), delimiter, quoting)
        try:
            rows = [row for row in reader if row]
        except csv.Error as error:
            line = reader.line_num  # type: ignore[attr-defined]
            raise BenchmarkError(
                f"after line {line}, {error}: correct its quotes, or state `quoting: false` if they mean nothing"
            ) from error
        return np.array([len(row) for row in rows]), rows.__getitem__
    outside = ~quote if not quote.any() else ~quote & (np.cumsum(quote, dtype=np.uint8) & 1 == 0)
    delimits = kinds == ord(delimiter)
    line = outside & ~delimits
    lines, before = marks[line], np.cumsum(outside & delimits)
    total = before[-1:] if len(before) else [0]
    starts, ends = np.concatenate([[0], lines + 1]), np.concatenate([lines, [len(text)]])
    whole = ends > starts
    counts = np.diff(np.concatenate([[0], before[line], total]))[whole] + 1
    starts, ends = starts[whole], ends[whole]

    def read(index: int) -> list[str]:
        return next(_reader(raw[starts[index] : ends[index]].decode(), delimiter, quoting))

    return counts, read


def _open(path: Path, reading: Reading, columns: Collection[str] | None, *, delimiter: str) -> Delimited:
    delimiter = reading.delimiter or delimiter
    raw = utf8(path, reading.encoding)
    if not raw.isascii():
        raw.decode()  # refuses another encoding, also in columns that nothing uses
    if not raw or raw.isspace():
        raise BenchmarkError("it is empty")
    counts, cells = _rows(raw, delimiter, reading.quoting is not False)
    above = 0 if reading.header else 1
    names = [name.strip() for name in reading.header or cells(0)]
    twice = [name for name, count in Counter(map(comparable, names)).items() if count > 1 and name]
    if twice:
        raise BenchmarkError(f"its header names the column {twice[0]!r} twice: rename one of them")
    ragged = np.flatnonzero(counts != len(names))
    if len(ragged):
        raise BenchmarkError(
            f"row {ragged[0] + 1} has {counts[ragged[0]]} cells, and the header {len(names)}: quote a cell that holds "
            f"{delimiter!r}, or state `delimiter` or `header`"
        )
    if reading.header and [cell.strip() for cell in cells(0)] == names:
        raise BenchmarkError("its first line is the header that `header` states: leave `header` out")
    return Delimited(names, len(counts) - above, lambda index: cells(index + above), above + 1)


OPTIONS = ("delimiter", "header", "quoting", "encoding")
file_format("csv", ".csv", options=OPTIONS)(partial(_open, delimiter=","))
file_format("tsv", ".tsv", ".tab", options=OPTIONS[1:])(partial(_open, delimiter="\t"))
