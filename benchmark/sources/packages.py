"""Files that packages of a package index ship: one wheel or sdist by its digest, and one file or folder out of it.

    path = fetch_member(PackageFile(name=..., version=..., file=..., sha256=..., path=...))

The package is neither installed nor imported, and no code of it is run, not even that which pip runs to learn what an
sdist is. Archive and file lie in the user's cache (`cache_folder`), shared by all profiles.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Self

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version
from pydantic import Field, field_validator, model_validator

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256, sha256_file, sha256_tree
from benchmark.patience import at_once
from benchmark.section import Section
from benchmark.sources.archives import extract, member, safe_path
from benchmark.sources.cache import cache_folder, cache_lock

SHA256 = r"^[0-9a-f]{64}$"


class PackageFile(Section):
    """A file, or a folder, of one wheel or sdist."""

    name: str = Field(min_length=1, description="the package, as the index names it")
    version: str = Field(min_length=1)
    file: str = Field(description="the wheel or sdist, as the index lists it")
    sha256: str = Field(pattern=SHA256, description="of the wheel or sdist")
    path: str = Field(
        description="inside it: a file, a folder (ends in /), or what an archive in it holds (`inner.tar.gz!a/b.txt`)"
    )

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        return safe_path(path)

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        try:
            wheel = self.file.endswith(".whl")
            name, version = parse_wheel_filename(self.file)[:2] if wheel else parse_sdist_filename(self.file)
            expected = Version(self.version)
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion) as error:
            raise ValueError(f"{self.file!r} is not the name of a wheel or sdist: {error}") from error
        if (name, version) != (canonicalize_name(self.name), expected):
            raise ValueError(f"{self.file!r} belongs to {name} {version}, not to {self.name} {self.version}")
        return self

    @property
    def archive(self) -> Path:
        """Where the cache keeps the wheel or sdist."""
        return cache_folder() / "packages" / self.sha256[:32] / self.file

    @property
    def unpacked(self) -> Path:
        """Where the cache keeps the file or folder."""
        name = PurePosixPath(self.path.rpartition("!")[2]).name
        key = sha256(self.path.encode())[:16]
        return self.archive.parent / key / name


def fetch_member(source: PackageFile) -> Path:
    """The file or folder that `source` names: see `fetch_members`."""
    return fetch_members([source])[source]


def fetch_members(sources: Iterable[PackageFile]) -> dict[PackageFile, Path]:
    """The files and folders that `sources` name, verified: from the user's cache, else from the index.

    An archive is read once for all that is wanted of it. Raises `BenchmarkError` where the index cannot be reached or
    does not have the file, where a digest is wrong, where the archive does not hold a path (what else is wanted of it
    is unpacked by then), and where the disk is full. Nothing half-written is ever at a path returned.
    """
    archives: dict[Path, list[PackageFile]] = {}
    for source in dict.fromkeys(sources):
        archives.setdefault(source.archive, []).append(source)
    for together in archives.values():
        with cache_lock(together[0].sha256[:32]):
            missing = [source for source in together if not _is_whole(source.unpacked)]
            if missing:
                _unpack(_archive(missing[0]), missing)
    return {source: source.unpacked for together in archives.values() for source in together}


def _unpack(archive: Path, sources: Sequence[PackageFile]) -> None:
    places = {source: _temporary(source) / source.unpacked.name for source in sources}
    for source, place in places.items():
        for stale in (place.parent, source.unpacked.parent):
            shutil.rmtree(stale, ignore_errors=True)
        place.parent.mkdir(parents=True)
    errors = extract(archive, {source.path: place for source, place in places.items()})
    for source, place in places.items():
        if place.exists():
            _record(place).write_text(_digest(place))
            place.parent.replace(source.unpacked.parent)
    if errors:
        raise errors[0]


@contextmanager
def open_member(source: PackageFile) -> Iterator[IO[bytes]]:
    """The content of the file that `source` names, read from the verified archive without a copy of its own."""
    with cache_lock(source.sha256[:32]):
        archive = _archive(source)
    with member(archive, source.path) as stream:
        yield stream


def is_cached(source: PackageFile) -> bool:
    """Whether the cache holds the archive or what is wanted of it; neither is verified."""
    return source.archive.is_file() or source.unpacked.exists()


def archive_size(source: PackageFile) -> int | None:
    """Bytes of the wheel or sdist: in the cache, else as its server says (None where it does not), asked once."""
    from benchmark.sources.index import file_size, find_file, patiently

    if source.archive.is_file():
        return source.archive.stat().st_size
    with at_once():
        link = find_file(source.name, source.file, source.sha256)
        return patiently(lambda: file_size(link), source.file)


def describe(parts: Sequence[PackageFile]) -> str:
    """The package of the first part, the size of all archives, and how many of them the cache holds."""
    sizes = [archive_size(part) for part in parts]
    cached = sum(is_cached(part) for part in parts)
    told = f"{sum(size or 0 for size in sizes) / 1e6:,.0f} MB" if None not in sizes else "of a size that is not said"
    state = "in the cache" if cached == len(parts) else f"{cached} of {len(parts)} files in the cache"
    return f"{parts[0].name} {parts[0].version}, {told}, {state}"


def _archive(source: PackageFile) -> Path:
    """The verified archive; the caller holds its lock."""
    archive = source.archive
    if archive.is_file():
        if sha256_file(archive) == source.sha256:
            return archive
        archive.unlink()
    from benchmark.sources.index import download, find_file  # what is in the cache needs no finder

    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_name(f"{archive.name}.incomplete")
    link = find_file(source.name, source.file, source.sha256)
    for _ in range(2):  # what an earlier run left may spoil the first attempt; the second starts from nothing
        resumed = partial.exists()
        download(link, partial, source.file)
        if sha256_file(partial) == source.sha256:
            partial.replace(archive)
            return archive
        partial.unlink()
        if not resumed:
            break
    raise BenchmarkError(
        f"{source.file} from {link.redacted} does not have the digest {source.sha256[:12]}...: it was discarded; "
        f"correct `sha256` in the parameters, or use an index that has the original"
    )


def _temporary(source: PackageFile) -> Path:
    folder = source.unpacked.parent
    return folder.with_name(f"{folder.name}.new")


def _record(unpacked: Path) -> Path:
    return unpacked.with_name(f".{unpacked.name}.sha256")


def _is_whole(unpacked: Path) -> bool:
    record = _record(unpacked)
    return unpacked.exists() and record.is_file() and _digest(unpacked) == record.read_text()


def _digest(path: Path) -> str:
    """SHA-256 of a file, or over the names and digests of all files of a folder."""
    return sha256_file(path) if path.is_file() else sha256_tree([path])
