"""The user's cache: what was fetched from packages and what was made of it, shared by all profiles and projects."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from benchmark.errors import BenchmarkError

VARIABLE = "ICL_BENCHMARK_CACHE"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def cache_folder() -> Path:
    """`$ICL_BENCHMARK_CACHE`, else `icl-activation-benchmark` in `$XDG_CACHE_HOME`, else in `~/.cache`."""
    if own := os.environ.get(VARIABLE):
        return Path(own).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").absolute() / "icl-activation-benchmark"


@contextmanager
def cache_lock(name: str) -> Iterator[None]:
    """Holds the lock of that name against all other processes of this user, and explains what the disk refuses."""
    folder = cache_folder() / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{name}.lock"):
            yield
    except OSError as error:
        if error.errno in FULL:
            raise BenchmarkError(
                f"the disk of {cache_folder()} is full: make room, or set {VARIABLE} to a folder on another disk; "
                f"what was fetched is kept"
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise BenchmarkError(
                f"cannot write {error.filename or cache_folder()}: {error.strerror}; set {VARIABLE} to a folder that "
                f"can be written"
            ) from error
        raise


def require_space(missing: int, what: str) -> None:
    """Raises `BenchmarkError` where the cache's disk has fewer than `missing` bytes free."""
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < missing:
        raise BenchmarkError(
            f"{what} needs {missing / 1e9:.2f} GB more in {cache_folder()}, and {free / 1e9:.2f} GB are free: make "
            f"room, or set {VARIABLE} to a folder on another disk"
        )
