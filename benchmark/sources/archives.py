"""Taking named files out of wheels, sdists and other archives. Nothing else leaves one, and nothing in it is run.

with member(archive, "package/data/file.bin") as stream: ...
with member(archive, "outer/inner.tar.gz!file.txt") as stream: ...     a file of an archive in the archive
extract(archive, {"package/x.txt": file, "package/data/": folder})     files and folders, in one pass

Of two entries with one name, the first counts.
"""

from __future__ import annotations

import difflib
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from benchmark.errors import BenchmarkError

INSIDE = "!"
"""Stands between the path of an archive and a path in it."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What an archive holds, but for folders. `regular`: a file, not a link or a device."""

    name: str
    regular: bool
    open: Callable[[], AbstractContextManager[IO[bytes]]]


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
    with tempfile.TemporaryDirectory() as folder, _entries(archive) as entries:
        names = set()
        for entry in entries:
            names.add(entry.name)
            if entry.name == outer:
                with _content(entry, archive) as stream:
                    if not inner:
                        yield stream
                        return
                    unpacked = Path(folder) / PurePosixPath(outer).name
                    _write(stream, [unpacked])
                with member(unpacked, inner) as innermost:
                    yield innermost
                    return
        raise _missing(outer, archive, names)


def extract(archive: Path, wanted: Mapping[str, Path]) -> list[BenchmarkError]:
    """Writes files and folders of an archive to new places, in one pass over it; the path of a folder ends in /.

    Returns an error for each path that is not there. Raises `BenchmarkError` where the archive cannot be read, and for
    a link or a device: what was written by then may not be whole.
    """
    nested: dict[str, dict[str, Path]] = {}
    plain = []
    for path, place in wanted.items():
        outer, _, inner = path.partition(INSIDE)
        if inner:
            nested.setdefault(outer, {})[inner] = place
        else:
            plain.append((path, place))
    with tempfile.TemporaryDirectory() as folder:
        unpacked = {
            outer: Path(folder) / str(number) / PurePosixPath(outer).name for number, outer in enumerate(nested)
        }
        errors = _copy_out(archive, [*plain, *unpacked.items()])
        for outer, inside in nested.items():
            if unpacked[outer].exists():
                errors += extract(unpacked[outer], inside)
    return errors


def _copy_out(archive: Path, wanted: Sequence[tuple[str, Path]]) -> list[BenchmarkError]:
    """`extract`, without archives in the archive."""
    names: set[str] = set()
    left = {path for path, _ in wanted}
    all_files = not any(path.endswith("/") for path in left)
    with _entries(archive) as entries:
        for entry in entries:
            if entry.name in names:
                continue
            names.add(entry.name)
            places = []
            for path, place in wanted:
                if entry.name == path or (path.endswith("/") and entry.name.startswith(path)):
                    places.append(place / entry.name.removeprefix(path) if path.endswith("/") else place)
                    left.discard(path)
            if places:
                with _content(entry, archive) as stream:
                    _write(stream, places)
            if all_files and not left:
                break
    return [_missing(path, archive, names) for path in sorted(left)]


@contextmanager
def _entries(archive: Path) -> Iterator[Iterable[_Entry]]:
    """What the archive holds, in its order; an entry can be read until the next one is asked for."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened_zip:
                yield (_of_zip(opened_zip, entry) for entry in opened_zip.infolist() if not entry.is_dir())
        else:
            with tarfile.open(archive, "r|*") as opened_tar:
                yield (_of_tar(opened_tar, entry) for entry in opened_tar if not entry.isdir())
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise BenchmarkError(f"{archive.name} is not an archive that can be read (zip, tar): {error}") from error


def _of_zip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> _Entry:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return _Entry(entry.filename, kind in (0, stat.S_IFREG), lambda: archive.open(entry))


def _of_tar(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> _Entry:
    def read() -> IO[bytes]:
        found = archive.extractfile(entry)
        assert found is not None  # a regular file
        return found

    return _Entry(entry.name, entry.isfile(), read)


def _content(entry: _Entry, archive: Path) -> AbstractContextManager[IO[bytes]]:
    if not entry.regular:
        raise BenchmarkError(f"{entry.name} in {archive.name} is a link or a device, not a file: it is not unpacked")
    try:
        safe_path(entry.name)
    except ValueError as error:
        raise BenchmarkError(f"{archive.name}: {error}") from error
    return entry.open()


def _write(stream: IO[bytes], places: Sequence[Path]) -> None:
    first, *others = places
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
    with first.open("wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    for other in others:
        shutil.copyfile(first, other)


def _missing(path: str, archive: Path, names: set[str]) -> BenchmarkError:
    known = {f"{PurePosixPath(name).parent}/" for name in names} if path.endswith("/") else names
    wanted = PurePosixPath(path).name
    near = sorted(other for other in known if PurePosixPath(other).name == wanted)
    near += difflib.get_close_matches(path, sorted(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it holds {len(names)} others"
    return BenchmarkError(f"{archive.name} holds no {path}: {hint} Correct `path` in the parameters")
