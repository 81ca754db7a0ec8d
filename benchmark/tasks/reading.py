"""Rows of Parquet, JSON Lines and CSV files, as a `datasets.Dataset`.

Parquet and JSON say what a value is. CSV does not, so a column of it is what all its cells can be: whole numbers,
true and false, JSON lists or objects; else text, as it stands. An empty cell is a missing value.
"""

from __future__ import annotations

import csv
import errno
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    import datasets

Columns = dict[str, list[Any]]
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def read_rows(files: Sequence[Path], cache: str) -> datasets.Dataset:
    """The rows of files of one format, in order; `cache` is a folder for what `datasets` converts Parquet to.

    Raises `BenchmarkError` for mixed formats, a damaged file, and a disk that gets full.
    """
    import datasets

    suffixes = {path.suffix for path in files}
    if len(suffixes) != 1:
        raise BenchmarkError(f"{', '.join(map(str, files))} differ in format: convert them to one")
    suffix = suffixes.pop()
    datasets.disable_progress_bars()
    try:
        if suffix == ".parquet":
            return datasets.Dataset.from_parquet([str(path) for path in files], cache_dir=cache)
        read = _jsonl if suffix == ".jsonl" else _csv
        return datasets.Dataset.from_dict(_columns(files, read))
    except BenchmarkError:
        raise
    except Exception as error:  # pyarrow and datasets each have their own errors for a damaged file
        cause = error.__cause__ or error
        if isinstance(cause, OSError) and cause.errno in FULL:
            raise BenchmarkError(
                f"the disk of {tempfile.gettempdir()} is full, to which {files[0].name} is unpacked for a while: make "
                f"room, or set TMPDIR to another disk"
            ) from error
        reason = str(cause).strip().splitlines() or [type(cause).__name__]
        raise BenchmarkError(f"{files[0]} cannot be read: {reason[0]}") from error


def _columns(files: Sequence[Path], read: Callable[[Path], Iterator[dict[str, Any]]]) -> Columns:
    rows = [row for path in files for row in read(path)]
    names = dict.fromkeys(name for row in rows for name in row)
    columns: Columns = {name: [row.get(name) for row in rows] for name in names}
    return {name: _typed(values) for name, values in columns.items()} if read is _csv else columns


def _jsonl(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise BenchmarkError(f"{path} cannot be read: line {number} is no JSON ({error})") from error
                if not isinstance(row, dict):
                    raise BenchmarkError(f"{path} cannot be read: line {number} is no JSON object")
                yield row


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise BenchmarkError(
                        f"{path} cannot be read: line {reader.line_num} has not as many cells as the head"
                    )
                yield row
        except csv.Error as error:
            raise BenchmarkError(f"{path} cannot be read: after line {reader.line_num}, {error}") from error


def _typed(cells: list[str]) -> list[Any]:
    """The values of a column's cells: all of one of the kinds that a CSV can show, or the texts."""
    present = {cell for cell in cells if cell}
    try:
        values = {cell: json.loads({"True": "true", "False": "false"}.get(cell, cell)) for cell in present}
    except ValueError:
        values = {}
    kinds = {type(value) for value in values.values()}
    if len(kinds) != 1 or not kinds <= {int, bool, list, dict}:
        values = {cell: cell for cell in present}
    return [values.get(cell) for cell in cells]
