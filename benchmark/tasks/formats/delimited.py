"""CSV and TSV. A cell is the text that stands in it, and an empty one is a missing value.

Only lists and objects are more than text: a column whose cells are JSON of that kind, such as ["red", "blue"]. Where
nearly all are, one that is not is refused.
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
NEARLY_ALL = 0.9
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
        if len(cells) > 1 and all(name in cell and _is_named(cell, name) for name, cell in cells.items()):
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
        if sum(map(_holds_structure, cells)) >= NEARLY_ALL * len(cells):
            return True
        if all(map(BRACKETS.fullmatch, cells)) and any(map(PYTHON.match, cells)):
            raise BenchmarkError(
                f"column {name!r} holds lists as Python prints them, and the columns of a CSV hold texts or JSON: "
                f"write them with json.dumps"
            )
        return False


def _holds_structure(cell: str) -> bool:
    try:
        return isinstance(parse_json(cell), list | dict)
    except ValueError:
        return False


def _is_named(cell: str, name: str) -> bool:
    """Whether a cell is a column's name, after a byte order mark too: files that were put together have it within."""
    return comparable(cell) == comparable(name)


Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Bits = NDArray[np.uint64]
WORD = 64
_ONE, _LAST = np.uint64(1), np.uint64(WORD - 1)


def _bits(mask: Mask) -> Bits:
    """Words of 64 bits each, the first one lowest, with zeros after the last."""
    packed = np.packbits(mask, bitorder="little")
    return np.append(packed, np.zeros(-len(packed) % 8, np.uint8)).view(np.uint64)


class _Quotes:
    """Which borders of cells in a text stand outside quotes; asked block by block.

    A quote opens a cell at its beginning, and closes it at its end. Two that touch in such a cell are a quote, and
    close it and open it again. In another cell, a quote is a character. Only quotes that turn from outside to inside
    or back are counted, 64 characters at a time: inside is where their number is odd.
    """

    def __init__(self) -> None:
        self.inside = False
        self._opens = True  # whether a quote would open a cell if it came next

    def outside(self, quote: Mask, border: Mask, ends: bool) -> Mask | None:
        """Those of `border` that stand outside quotes; None where a quote closes inside a cell.

        `quote` and `border` say which of the next characters are quotes, and which stand between two cells; `ends`:
        whether a quote at the end of these would close its cell.
        """
        turns, borders = _bits(quote), _bits(border)
        inside = self._between(turns)
        edge = turns | borders
        before, after = edge << _ONE, edge >> _ONE
        before[1:] |= edge[:-1] >> _LAST
        before[0] |= np.uint64(self._opens)
        after[:-1] |= edge[1:] << _LAST
        after[-1] |= np.uint64(ends) << np.uint64((len(quote) - 1) % WORD)
        if (turns & ((inside & ~before) | (~inside & ~after))).any():  # some are characters
            turned = self._one_by_one(quote, border, ends)
            if turned is None:
                return None
            quote = np.zeros_like(quote)
            quote[turned] = True
            inside = self._between(_bits(quote))
        self.inside = bool(inside[-1] >> _LAST)
        self._opens = bool(border[-1] or quote[-1])
        left = (borders & ~inside).view(np.uint8)
        return np.unpackbits(left, count=len(border), bitorder="little").view(bool)

    def _between(self, turns: Bits) -> Bits:
        """Which characters have an odd number of turns up to them, one more if this begins inside."""
        inside = turns.copy()
        for step in (1, 2, 4, 8, 16, 32):
            inside ^= inside << np.uint64(step)
        odd = np.logical_xor.accumulate(np.append(self.inside, inside[:-1] >> _LAST))
        return inside ^ -odd.astype(np.uint64)

    def _one_by_one(self, quote: Mask, border: Mask, ends: bool) -> list[int] | None:
        """The places of those quotes that turn."""
        quotes = np.flatnonzero(quote)
        opens = np.append(self._opens, border[:-1])[quotes].tobytes()
        closes = np.append((border | quote)[1:], ends)[quotes].tobytes()
        places: list[int] = quotes.tolist()
        turned: list[int] = []
        inside, here = self.inside, 0
        while here < len(places):
            if inside:
                if not closes[here]:
                    return None
            elif not turned or places[here] != turned[-1] + 1:
                here = opens.find(1, here)
                if here < 0:
                    break
            turned.append(places[here])
            inside, here = not inside, here + 1
        return turned


def _reader(text: str, delimiter: str, quoting: bool) -> Iterator[list[str]]:
    style: Any = {} if quoting else {"quoting": csv.QUOTE_NONE}
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, **style)


def _rows(raw: bytes, delimiter: str, quoting: bool) -> tuple[Index, Callable[[int], list[str]]]:
    """How many cells each row has, blank lines aside, and what gives those of a row."""
    text = np.frombuffer(raw, np.uint8)
    quotes, quoted, closing = _Quotes(), quoting and b'"' in raw, b'\r\n"' + delimiter.encode()
    lines, places, seen = [], [np.array([-1])], 0
    for start in range(0, len(text), BLOCK):
        block = text[start : start + BLOCK]
        border = (block == ord(delimiter)) | (block == ord("\n")) | (block == ord("\r"))
        if quoted:
            after = raw[start + BLOCK : start + BLOCK + 1]
            outside = quotes.outside(block == ord('"'), border, after in closing)  # b"", the text's end, is in it
            if outside is None:
                raise _damaged(raw, delimiter)
            border = outside
        marks = np.flatnonzero(border)
        line = np.flatnonzero(block[marks] != ord(delimiter))
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
