"""Taking named files out of wheels, sdists and other archives. Nothing else leaves one, and nothing in it is run.

with member(archive, "package/data/file.bin") as stream: ...
with member(archive, "outer/inner.tar.gz!file.txt") as stream: ...     a file of an archive in the archive
extract_folder(archive, "package/data/", target)                       all files below a folder
"""

from __future__ import annotations

import difflib
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from benchmark.errors import BenchmarkError

INSIDE = "!"
"""Stands between the path of an archive and a path in it."""


class _Archive(Protocol):
    """Its regular files by name. A link or device is in `refused`."""

    files: frozenset[str]
    refused: frozenset[str]

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]: ...


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        kinds = {entry.filename: stat.S_IFMT(entry.external_attr >> 16) for entry in entries}
        self.files = frozenset(name for name, kind in kinds.items() if kind in (0, stat.S_IFREG))
        self.refused = frozenset(kinds) - self.files

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        return self._archive.open(name)


class _Tar:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        entries = [entry for entry in archive.getmembers() if not entry.isdir()]
        self.files = frozenset(entry.name for entry in entries if entry.isfile())
        self.refused = frozenset(entry.name for entry in entries) - self.files

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        found = self._archive.extractfile(name)
        assert found is not None  # a regular file, as `files` says
        return found


def safe_path(path: str) -> str:
    """`path` where it stays inside a folder; raises `ValueError` for an absolute one and one with `..`."""
    for part in path.split(INSIDE):
        plain = PurePosixPath(part)
        if not part.strip("/") or plain.is_absolute() or ".." in plain.parts or "\\" in part or "\0" in part:
            raise ValueError(f"{path!r} leads outside the archive: name a file in it, as `a/b.txt`")
    return path


@contextmanager
def member(archive: Path, path: str) -> Iterator[IO[bytes]]:
    """The content of the file `path` of an archive. Raises `BenchmarkError` where it is not there, or is no file."""
    outer, _, inner = path.partition(INSIDE)
    with _opened(archive) as opened:
        _require_file(opened, outer, archive.name)
        with opened.open(outer) as stream:
            if not inner:
                yield stream
                return
            with tempfile.TemporaryDirectory() as folder:
                unpacked = Path(folder) / PurePosixPath(outer).name
                with unpacked.open("wb") as file:
                    shutil.copyfileobj(stream, file)
                with member(unpacked, inner) as innermost:
                    yield innermost


def extract_folder(archive: Path, path: str, target: Path) -> None:
    """Writes all files below the folder `path` of an archive to the new folder `target`, links and devices refused."""
    outer, _, inner = path.rpartition(INSIDE)
    if outer:
        with member(archive, outer) as stream, tempfile.TemporaryDirectory() as folder:
            unpacked = Path(folder) / PurePosixPath(outer).name
            with unpacked.open("wb") as file:
                shutil.copyfileobj(stream, file)
            extract_folder(unpacked, inner, target)
        return
    prefix = inner.rstrip("/") + "/"
    with _opened(archive) as opened:
        names = sorted(name for name in opened.files | opened.refused if name.startswith(prefix))
        if not names:
            raise _missing(prefix, archive.name, {f"{PurePosixPath(name).parent}/" for name in opened.files})
        for name in names:
            _require_file(opened, name, archive.name)
            place = target / name.removeprefix(prefix)
            place.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(name) as stream, place.open("wb") as file:
                shutil.copyfileobj(stream, file)


@contextmanager
def _opened(archive: Path) -> Iterator[_Archive]:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened_zip:
                yield _Zip(opened_zip)
        else:
            with tarfile.open(archive) as opened_tar:
                yield _Tar(opened_tar)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise BenchmarkError(f"{archive.name} is not an archive that can be read (zip, tar): {error}") from error


def _require_file(opened: _Archive, name: str, archive: str) -> None:
    if name in opened.refused:
        raise BenchmarkError(f"{name} in {archive} is a link or a device, not a file: it is not unpacked")
    if name not in opened.files:
        raise _missing(name, archive, opened.files)
    try:
        safe_path(name)
    except ValueError as error:
        raise BenchmarkError(f"{archive}: {error}") from error


def _missing(name: str, archive: str, known: set[str] | frozenset[str]) -> BenchmarkError:
    wanted = PurePosixPath(name).name
    near = sorted(other for other in known if PurePosixPath(other).name == wanted)
    near += difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it holds {len(known)} others"
    return BenchmarkError(f"{archive} holds no {name}: {hint} Correct `path` in the parameters")
