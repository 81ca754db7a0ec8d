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
from collections.abc import Callable, Collection, Iterator, Sequence
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


class _Quotes:
    """Which quotes of a text open a cell, at its beginning, and which close one, at its end; asked block by block.

    Two that touch in such a cell are a quote, and close it and open it again. In another cell, a quote is a character.
    """

    def __init__(self, text: NDArray[np.uint8], delimiter: int) -> None:
        self._text = text
        self._border = np.isin(np.arange(256), [*b"\r\n", delimiter])
        self._end = np.isin(np.arange(256), [*b'\r\n"', delimiter])
        self._closed = -1  # so that a quote at the very beginning opens a cell, too
        self.inside = False

    def turns(self, quotes: Index) -> Index | None:
        """The places of those that open or close among the next `quotes`; None where one closes inside a cell."""
        before = self._border[self._text[quotes - 1]]
        ends = self._end[self._text[(quotes + 1) % len(self._text)]] | (quotes == len(self._text) - 1)
        begins = before | (quotes == np.append(self._closed, quotes[:-1]) + 1)
        opening = np.arange(len(quotes)) % 2 == self.inside
        found: list[int] | Index | None
        if np.where(opening, begins, ends).all():  # as nearly everywhere
            found = np.arange(len(quotes))
        else:
            found = self._one_by_one(quotes.tolist(), before.tobytes(), ends.tobytes())
        if found is None:
            return None
        self.inside ^= len(found) % 2 == 1
        if not self.inside and len(found):
            self._closed = int(quotes[found[-1]])
        return np.asarray(found, np.int64)

    def _one_by_one(self, quotes: Sequence[int], before: bytes, ends: bytes) -> list[int] | None:
        found, inside, closed, here = [], self.inside, self._closed, 0
        while here < len(quotes):
            if inside:
                if not ends[here]:
                    return None
                closed = quotes[here]
            elif quotes[here] != closed + 1:
                here = before.find(1, here)
                if here < 0:
                    break
            found.append(here)
            inside, here = not inside, here + 1
        return found


def _reader(text: str, delimiter: str, quoting: bool) -> Iterator[list[str]]:
    style: Any = {} if quoting else {"quoting": csv.QUOTE_NONE}
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, **style)


def _rows(raw: bytes, delimiter: str, quoting: bool) -> tuple[Index, Callable[[int], list[str]]]:
    """How many cells each row has, blank lines aside, and what gives those of a row."""
    text = np.frombuffer(raw, np.uint8)
    quotes = _Quotes(text, ord(delimiter))
    lines, places, seen = [], [np.array([-1])], 0
    for start in range(0, len(text), BLOCK):
        block = text[start : start + BLOCK]
        mask = (block == ord(delimiter)) | (block == ord("\n")) | (block == ord("\r"))
        if quoting:
            mask |= block == ord('"')
        marks = np.flatnonzero(mask)
        kinds = block[marks]
        if quoting:
            quote = np.flatnonzero(kinds == ord('"'))
            outside = np.full(len(marks), not quotes.inside)
            if len(quote):
                turns = quotes.turns(marks[quote] + start)
                if turns is None:
                    raise _damaged(raw, delimiter)
                turned = np.zeros(len(marks), bool)
                turned[quote[turns]] = True
                outside ^= np.logical_xor.accumulate(turned)
                outside[quote] = False
            marks, kinds = marks[outside], kinds[outside]
        line = np.flatnonzero(kinds != ord(delimiter))
        lines.append(marks[line] + start)
        places.append(line + seen)
        seen += len(marks)
    if quotes.inside:
        raise _damaged(raw, delimiter)
    starts, ends = np.concatenate([[0], *(line + 1 for line in lines)]), np.concatenate([*lines, [len(text)]])
    counts, whole = np.diff(np.concatenate([*places, [seen]])), ends > starts
    starts, ends = starts[whole], ends[whole]

    def read(index: int) -> list[str]:
        return next(_reader(raw[starts[index] : ends[index]].decode(), delimiter, quoting))

    return counts[whole], read


def _damaged(raw: bytes, delimiter: str) -> BenchmarkError:
    """What `csv` says of a text whose quotes are wrong."""
    reader = _reader(raw.decode(), delimiter, True)
    try:
        for _ in reader:
            pass
    except csv.Error as error:
        line = reader.line_num  # type: ignore[attr-defined]
        return BenchmarkError(
            f"after line {line}, {error}: correct its quotes, or state `quoting: false` if they mean nothing"
        )
    raise AssertionError("csv reads what was taken for damaged")


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
