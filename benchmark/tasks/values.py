"""The values that rows hold, and how each is written in a prompt: as its file wrote it, or refused.

    spell(2.5)                  "2.5"
    text(row, "question")       the text of a column
    answers(row["answers"], "answers")      the texts of a value that is one text or a list of them

A `Written` is a value whose type its file leaves open, or a number that Python would write in another way.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.errors import BenchmarkError

Row = Mapping[str, Any]
NOT_NUMBERS = ("NaN", "Infinity", "-Infinity")
LONGEST_INT = 18
"""Digits up to which a whole number of JSON is an `int`; Python refuses to convert one of 4,301."""
WHOLE = re.compile(rf"(-?[0-9]{{1,{LONGEST_INT}}})(?:\.0+)?")


class Written(str):
    """A value as it stands in its file: a cell of a CSV, a number of JSON such as `1e5` or `2.50`."""

    __slots__ = ()


class Cell(Written):
    """A cell of a CSV: whatever stands there is its text, `NaN` too."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Repeated:
    """An object of JSON that has a name twice, which is refused where it is used."""

    name: str

    def __str__(self) -> str:
        return f"the name {self.name!r} twice in one object"


def spell(value: object) -> str:
    """The text of a value. Raises `BenchmarkError` for what has no one way to be written, and for a missing value."""
    if isinstance(value, Written) and not isinstance(value, Cell) and value in NOT_NUMBERS:
        raise BenchmarkError(f"is {value}, which is not a value: write null where there is none")
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise BenchmarkError(
                "holds bytes that are not of its `encoding`, or half a surrogate pair: correct the file"
            )
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if value is None:
        raise BenchmarkError("is missing")
    if isinstance(value, Repeated):
        raise BenchmarkError(f"holds {value}")
    kind = {"list": "a list", "dict": "a mapping", "bytes": "bytes"}.get(type(value).__name__, type(value).__name__)
    raise BenchmarkError(f"holds {kind}, not a text: {str(value)[:60]!r}")


def is_missing(value: object) -> bool:
    """Whether there is no value; 0, "0" and false are values."""
    return value is None or (isinstance(value, str) and not value.strip())


def text(row: Row, column: str) -> str:
    """The text of a column. Raises `BenchmarkError` naming the column."""
    return _named(column, row[column])


def answers(value: object, column: str) -> list[str]:
    """The texts of a value that is one text or a list of them, stripped; missing ones are left out."""
    if not isinstance(value, list):
        return [text.strip() for text in listed(value, column)]
    return [_named(f"{column}[{place}]", item).strip() for place, item in enumerate(value) if not is_missing(item)]


def listed(value: object, column: str) -> list[str]:
    """The texts of a value that is one text or a list of them; none where it is missing, but each of a list is one."""
    if is_missing(value):
        return []
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_named(f"{column}[{position}]", item) for position, item in enumerate(value)]
    return [_named(column, value)]


def whole_number(value: object) -> int | None:
    """The whole number that a value is; None where it is none. True and false are no numbers.

    It may stand in quotes, and end in .0, as pandas writes those of a column in which one is missing.
    """
    if isinstance(value, str):
        found = WHOLE.fullmatch(value.strip())
        return int(found[1]) if found else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _named(column: str, value: object) -> str:
    try:
        return spell(value)
    except BenchmarkError as error:
        raise BenchmarkError(f"column {column!r} {error}") from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Repeated:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    return Repeated(next(name for name in names if names.count(name) > 1))


def _whole(digits: str) -> int | Written:
    return int(digits) if len(digits) <= LONGEST_INT and digits != "-0" else Written(digits)


_decoder = json.JSONDecoder(parse_float=Written, parse_int=_whole, parse_constant=Written, object_pairs_hook=_pairs)


def parse_json(text: str) -> Any:
    """The value of a JSON text, its numbers as they are written. Raises `ValueError` where it is not JSON."""
    try:
        return _decoder.decode(text)
    except RecursionError as error:
        raise ValueError("its lists and objects are nested too deeply") from error
