"""Reading and writing of every artefact: whole or not at all, the same bytes for the same content.

    write_json(path, value)            read_json(path)
    write_table(path, frame)           read_table(path, columns)
    write_arrays(path, **arrays)       read_arrays(path, names)

A file is written under a temporary name in its own folder, flushed, and renamed: a reader sees the old file or the
new one. What a killed writer left of it goes when the file is written again: folders are outs, and hashed whole. A file
that is missing or damaged ends in a `BenchmarkError` that names it.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError

T = TypeVar("T")


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """A binary file that appears at `path` only when the block ends without an exception."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _forget_dead_writers(path)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BenchmarkError(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise BenchmarkError(f"cannot write {path}: {error.strerror or error}") from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _forget_dead_writers(path: Path) -> None:
    """Removes temporary files of `path` that nobody holds: the system releases a killed writer's lock."""
    for left in path.parent.glob(f".{path.name}.*"):
        with suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _read(path: Path, reader: Callable[[Path], T]) -> T:
    try:
        return reader(path)
    except FileNotFoundError as error:
        raise BenchmarkError(f"{path} is missing: run the stage that makes it (`dvc repro`)") from error
    except BenchmarkError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as there are parsers
        raise BenchmarkError(
            f"{path} is damaged ({type(error).__name__}): delete it and run the stage that makes it"
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON; NaN is refused, for it is no JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with atomic(path) as file:
        file.write(text.encode())


def read_json(path: Path) -> Any:
    return _read(path, lambda p: json.loads(p.read_text(encoding="utf-8")))


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Writes JSON Lines, one record a line."""
    with atomic(path) as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    return _read(path, lambda p: [json.loads(line) for line in p.read_bytes().splitlines()])


def write_table(path: Path, frame: pd.DataFrame, decimals: int = 6) -> None:
    """Writes CSV; floats are rounded, so that the last digits of another CPU do not change a committed file."""
    rounded = frame.copy()
    for column in rounded.select_dtypes("floating"):
        rounded[column] = rounded[column].round(decimals) + 0.0  # + 0.0: no "-0.0"
    with atomic(path) as file:
        rounded.to_csv(file, index=False, lineterminator="\n")


def read_table(path: Path, columns: Sequence[str] = (), text: Sequence[str] = ()) -> pd.DataFrame:
    """Reads CSV; `columns` must all be there; those in `text` are read as strings, empty ones as ''."""
    frame = _read(path, lambda p: pd.read_csv(p, dtype=dict.fromkeys(text, str)))
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise BenchmarkError(f"{path} lacks the column {', '.join(missing)}: run the stage that makes it again")
    present = [column for column in text if column in frame.columns]
    frame[present] = frame[present].fillna("")
    return frame


def write_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Writes an `.npz` without pickle; the same arrays give the same bytes.

    Not by `numpy.savez`, whose headers differ between patch releases of Python; nor compressed, for the output of zlib
    differs between its versions.
    """
    objects = [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]
    if objects:
        raise TypeError(f"arrays of objects cannot be stored: {objects}")
    with atomic(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getbuffer())


def read_arrays(path: Path, names: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
    """Reads all arrays of an `.npz`; those in `names` must be there."""

    def load(p: Path) -> dict[str, NDArray[Any]]:
        with np.load(p, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    arrays = _read(path, load)
    missing = [name for name in names if name not in arrays]
    if missing:
        raise BenchmarkError(f"{path} lacks the array {', '.join(missing)}: run the stage that makes it again")
    return arrays
