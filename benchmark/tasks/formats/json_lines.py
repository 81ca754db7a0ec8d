"""JSON Lines: an object a line. Lines end in a line feed or carriage return, and in nothing else."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.tasks.rows import Reading, content, file_format
from benchmark.tasks.values import parse_json

SAMPLE = 1000
"""Rows that are read at once to learn the columns; the others are when they are drawn."""


class JsonLines:
    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self._places = [number for number, line in enumerate(lines) if line and not line.isspace()]
        self.names: dict[str, None] = {}
        for index, number in enumerate(self._places):
            line = lines[number].strip()
            if index < SAMPLE or not (line.startswith(b"{") and line.endswith(b"}")):
                try:
                    self.names |= dict.fromkeys(self._whole(index))
                except BenchmarkError as error:
                    raise BenchmarkError(f"{self.place(index)} {error}") from error

    def __len__(self) -> int:
        return len(self._places)

    def lacks(self, columns: Collection[str]) -> list[str]:
        missing = [name for name in columns if name not in self.names]
        if missing:  # it may first occur late
            self.names |= dict.fromkeys(name for index in range(SAMPLE, len(self)) for name in self._whole(index))
        return [name for name in missing if name not in self.names]

    def place(self, index: int) -> str:
        return f"line {self._places[index] + 1}"

    def row(self, index: int, columns: Collection[str]) -> dict[str, Any]:
        whole = self._whole(index)
        return {name: whole.get(name) for name in columns}

    def _whole(self, index: int) -> dict[str, Any]:
        try:
            row = parse_json(self._lines[self._places[index]].decode())
        except UnicodeDecodeError as error:
            raise BenchmarkError(f"is not UTF-8 ({error}): state its `encoding`") from error
        except ValueError as error:
            raise BenchmarkError(f"is not JSON ({error})") from error
        if not isinstance(row, dict):
            raise BenchmarkError("is not a JSON object")
        return row


@file_format("jsonl", ".jsonl", ".ndjson", options=("encoding",))
def open_json_lines(path: Path, reading: Reading, columns: Collection[str] | None) -> JsonLines:
    raw = content(path).removeprefix(b"\xef\xbb\xbf")
    if reading.encoding is not None:
        raw = raw.decode(reading.encoding).encode()
    return JsonLines(raw.splitlines())
