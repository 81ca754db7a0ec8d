"""A commit as a tar file: the same commit, the same bytes, on any machine.

Names are sorted, times are the commit's, and owner and umask of whoever packs leave no trace. It is not compressed:
what zlib, zstd or xz write differs between their versions.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256
from benchmark.storage import atomic

CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Entry:
    """A file: its content, and whether it may be run."""

    content: bytes
    executable: bool = False


@dataclass(frozen=True)
class Commit:
    """A revision, the time of its commit, and its files by path."""

    revision: str
    time: datetime
    files: Mapping[str, Entry]


def read_commit(root: Path, name: str = "HEAD") -> Commit:
    """What git has, whatever lies in the working tree. Raises `BenchmarkError` without git, or without that commit."""
    revision, seconds = _git(root, "log", "-1", "--format=%H %ct", name).decode().split()
    packed = io.BytesIO(_git(root, "archive", "--format=tar", revision))
    files = {}
    with tarfile.open(fileobj=packed) as archive:
        for member in archive:
            if member.issym() or member.islnk():
                raise BenchmarkError(f"{member.name} is a link, which not every system unpacks: commit a file instead")
            if (file := archive.extractfile(member)) is not None:
                files[member.name] = Entry(file.read(), bool(member.mode & 0o100))
    return Commit(revision, datetime.fromtimestamp(int(seconds), UTC), files)


def _git(root: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(root), "-c", "core.autocrlf=false", "-c", "core.eol=lf", *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
    except OSError as error:
        raise BenchmarkError("an archive is made from a commit, and git is not on the PATH") from error
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", b"") or b"").decode(errors="replace").strip() or str(error)
        raise BenchmarkError(f"an archive is made from a commit, and git says: {said}") from error


def checksums(files: Mapping[str, Entry]) -> bytes:
    """What `sha256sum --check` reads: a line for each file."""
    return "".join(f"{sha256(entry.content)}  {name}\n" for name, entry in sorted(files.items())).encode()


def write_tar(path: Path, folder: str, files: Mapping[str, Entry], time: datetime) -> None:
    """Writes `files` below `folder` in the plain POSIX format of 1988, which every tar reads."""
    with atomic(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, entry in sorted(files.items()):
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(entry.content)
            member.mtime = int(time.timestamp())
            member.mode = 0o755 if entry.executable else 0o644
            archive.addfile(member, io.BytesIO(entry.content))
