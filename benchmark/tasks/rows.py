"""Rows of files: which format reads a file, and what all formats share."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmark.errors import BenchmarkError, unknown
from benchmark.tasks.example import comparable


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read; None: the format's own way.

    `delimiter`, `header` (names of the columns of files without a header line) and `quoting` are for CSV and TSV,
    `records` for JSON: the dotted path to the list of rows. `encoding` is for all but Parquet.
    """

    format: str | None = None
    delimiter: str | None = None
    header: tuple[str, ...] | None = None
    quoting: bool | None = None
    encoding: str | None = None
    records: str | None = None


class Table(Protocol):
    """The rows of one file. `place` says where one stands, for messages."""

    @property
    def names(self) -> Collection[str]: ...

    def __len__(self) -> int: ...

    def lacks(self, columns: Collection[str]) -> list[str]: ...

    def row(self, index: int, columns: Collection[str]) -> dict[str, Any]: ...

    def place(self, index: int) -> str: ...


Open = Callable[[Path, Reading, Collection[str] | None], Table]


@dataclass(frozen=True, slots=True)
class Format:
    """`open` reads a file; `columns` are those that will be asked for, None for all."""

    name: str
    endings: tuple[str, ...]
    options: frozenset[str]
    open: Open


FORMATS: dict[str, Format] = {}
PACKED = (".gz", ".zst")
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
FOREIGN = {b"PK\x03\x04": "zip", b"BZh91AY&SY": "bzip2", b"\xfd7zXZ\0": "xz"}
"""How a file begins that is packed in a way that is not read."""
LONG = 90


def file_format(name: str, *endings: str, options: Collection[str] = ()) -> Callable[[Open], Open]:
    """Registers a function that opens files of the format `name`, which `options` of `Reading` concern."""

    def register(opening: Open) -> Open:
        FORMATS[name] = Format(name, endings, frozenset(options), opening)
        return opening

    return register


class Rows:
    """The rows of several files, one after the other."""

    def __init__(self, tables: Sequence[tuple[Path, Table]]) -> None:
        self._tables = tables
        self._ends: list[int] = []
        for _, table in tables:
            self._ends.append((self._ends[-1] if self._ends else 0) + len(table))

    def __len__(self) -> int:
        return self._ends[-1]

    @property
    def names(self) -> list[str]:
        """The columns of all files, in order of appearance."""
        return list(dict.fromkeys(name for _, table in self._tables for name in table.names))

    def require(self, columns: Collection[str], hint: str) -> None:
        """Raises `BenchmarkError` naming the first file that lacks a column."""
        for path, table in self._tables:
            if len(table) == 0:
                raise BenchmarkError(f"{shown(path)} has no rows: correct the files in the parameters")
            try:
                missing = table.lacks(columns)
            except BenchmarkError as error:
                raise BenchmarkError(f"{shown(path)}, {error}") from error
            if missing:
                has = ", ".join(repr(name) for name in table.names)
                if any(comparable(name) == comparable(missing[0]) for name in table.names):
                    hint = "one of them reads the same, but is made of other characters: copy it from the file"
                raise BenchmarkError(f"{shown(path)} has no column {missing[0]!r} (it has {has}): {hint}")

    def _find(self, index: int) -> tuple[Path, Table, int]:
        number = next(number for number, end in enumerate(self._ends) if index < end)
        path, table = self._tables[number]
        return path, table, index - (self._ends[number - 1] if number else 0)

    def row(self, index: int, columns: Collection[str]) -> dict[str, Any]:
        """The columns of a row; None where one is missing. Raises `BenchmarkError` naming file and row."""
        path, table, inside = self._find(index)
        try:
            return table.row(inside, columns)
        except BenchmarkError as error:
            raise BenchmarkError(f"{shown(path)}, {table.place(inside)}: {error}") from error

    def place(self, index: int) -> str:
        path, table, inside = self._find(index)
        return f"{shown(path)}, {table.place(inside)}"


def shown(path: Path) -> str:
    """A path for a message: a long one, as in a cache, by its end."""
    return str(path) if len(str(path)) <= LONG else f".../{path.parent.name}/{path.name}"


def format_of(path: Path, reading: Reading) -> Format:
    """The format of a file: the one that is stated, else that of its ending."""
    if reading.format is not None:
        if reading.format not in FORMATS:
            raise unknown("format", reading.format, FORMATS)
        return FORMATS[reading.format]
    if path.is_dir():
        return FORMATS["folders"]
    name = path.name.lower()
    plain = next((name.removesuffix(end) for end in PACKED if name.endswith(end)), name)
    for known in FORMATS.values():
        if plain.endswith(known.endings):
            return known
    endings = ", ".join(ending for known in FORMATS.values() for ending in known.endings)
    raise BenchmarkError(f"the ending of {path} is none of {endings} (.gz and .zst may follow): state its `format`")


def read_rows(files: Sequence[Path], reading: Reading, columns: Collection[str] | None = None) -> Rows:
    """The rows of files, in order; of Parquet files only `columns` are read (None: all).

    Raises `BenchmarkError` naming the file that cannot be read, and an option that its format does not have.
    """
    tables = []
    for path in files:
        kind = format_of(path, reading)
        for option in ("delimiter", "header", "quoting", "encoding", "records"):
            if getattr(reading, option) is not None and option not in kind.options:
                of = [known.name for known in FORMATS.values() if option in known.options]
                raise BenchmarkError(
                    f"{shown(path)} is read as {kind.name}, which has no `{option}`: it is for {', '.join(of)}"
                )
        try:
            tables.append((path, kind.open(path, reading, columns)))
        except BenchmarkError as error:
            raise BenchmarkError(f"{shown(path)} cannot be read: {error}") from error
        except FileNotFoundError as error:
            raise BenchmarkError(f"{shown(path)} is missing: correct the files in the parameters") from error
        except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
            reason = str(error) or type(error).__name__
            remedy = ": state its `encoding`" if isinstance(error, UnicodeDecodeError) else ""
            raise BenchmarkError(f"{shown(path)} cannot be read: {reason}{remedy}") from error
    return Rows(tables)


def content(path: Path) -> bytes:
    """The bytes of a file, unpacked where its name ends in .gz or .zst, or its content begins as that of such files.

    Raises `EOFError` where it is cut short, and `BenchmarkError` where it is packed in another way.
    """
    raw, name = path.read_bytes(), path.name.lower()
    for beginning, kind in FOREIGN.items():
        if raw.startswith(beginning):
            raise BenchmarkError(f"it is packed with {kind}, which is not read: unpack it (save a spreadsheet as CSV)")
    if name.endswith(".gz") or raw.startswith(GZIP):
        return gzip.decompress(raw)
    return _zstd(raw) if name.endswith(".zst") or raw.startswith(ZSTD) else raw


def is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(ZSTD)).startswith((GZIP, ZSTD))


def utf8(path: Path, encoding: str | None) -> bytes:
    """The content of a text file, as UTF-8 without a byte order mark; as it is where `encoding` is None."""
    raw = content(path)
    if encoding is not None:
        raw = raw.decode(encoding).encode()
    if b"\0" in raw[:2]:
        raise BenchmarkError("it begins as UTF-16 or UTF-32 does: state its `encoding`")
    return raw.removeprefix(b"\xef\xbb\xbf")


def _zstd(raw: bytes) -> bytes:
    import zstandard

    parts = []
    while raw:
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            parts.append(frame.decompress(raw))
        except zstandard.ZstdError as error:
            raise BenchmarkError(f"it is not zstd, or damaged ({error})") from error
        if not frame.eof:
            raise EOFError("it ends in the middle of a compressed block: copy it again")
        raw = frame.unused_data
    return b"".join(parts)
