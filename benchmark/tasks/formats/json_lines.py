"""JSON Lines: an object a line. Lines end in a line feed or carriage return, and in nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.tasks.rows import Reading, file_format, utf8
from benchmark.tasks.values import Repeated, parse_json

SAMPLE = 1000
"""Rows that are read at once to learn the columns; the others are when they are drawn."""


class JsonLines:
    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        odd = [number for number, line in enumerate(lines) if not _looks_whole(line)]  # few: the others need no care
        blank = {number for number in odd if not lines[number].strip()}
        numbers = range(len(lines))
        self._numbers: Sequence[int] = [number for number in numbers if number not in blank] if blank else numbers
        self.names: dict[str, None] = {}
        odd = [number for number in odd if not _looks_whole(lines[number].strip())]
        self._learn_names(sorted({*self._numbers[:SAMPLE], *odd} - blank))

    def __len__(self) -> int:
        return len(self._numbers)

    def lacks(self, columns: Collection[str]) -> list[str]:
        missing = [name for name in columns if name not in self.names]
        if missing:  # it may first occur late
            self._learn_names(self._numbers[SAMPLE:])
        return [name for name in missing if name not in self.names]

    def _learn_names(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            try:
                self.names |= dict.fromkeys(self._whole(number))
            except BenchmarkError as error:
                raise BenchmarkError(f"line {number + 1} {error}") from error

    def place(self, index: int) -> str:
        return f"line {self._numbers[index] + 1}"

    def row(self, index: int, columns: Collection[str]) -> dict[str, Any]:
        whole = self._whole(self._numbers[index])
        return {name: whole.get(name) for name in columns}

    def _whole(self, number: int) -> dict[str, Any]:
        try:
            row = parse_json(self._lines[number].decode())
        except UnicodeDecodeError as error:
            raise BenchmarkError(f"is not UTF-8 ({error}): state its `encoding`") from error
        except ValueError as error:
            raise BenchmarkError(f"is not JSON ({error}): a line of this format is a whole object") from error
        if isinstance(row, Repeated):
            raise BenchmarkError(f"holds {row}")
        if not isinstance(row, dict):
            hint = ": state `format: json` for a file that is one list" if isinstance(row, list) else ""
            raise BenchmarkError(f"is not a JSON object{hint}")
        return row


def _looks_whole(line: bytes) -> bool:
    return line[:1] == b"{" and line[-1:] == b"}"


@file_format("jsonl", ".jsonl", ".ndjson", options=("encoding",))
def open_json_lines(path: Path, reading: Reading, columns: Collection[str] | None) -> JsonLines:
    return JsonLines(utf8(path, reading.encoding).splitlines())
