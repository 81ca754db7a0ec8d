"""Every digest that the package takes, in one place.

    sha256(b"...")            of bytes                     sha256_file(path)    as `sha256sum` prints it
    sha256_json(value)        of a JSON value              sha256_text(path)    of a text file, whatever its line ends
    sha256_tree([folder])     of files and folders         sha256_arrays({...}) of arrays, however they were stored
    sha256_and_git(path)      of a file, with the id that git gives it

All are hexadecimal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def running_sha256() -> hashlib._Hash:
    """A digest that grows: `update(bytes)`, then `hexdigest()`."""
    return hashlib.sha256()


def sha256_file(path: Path) -> str:
    """Of a file's bytes; a file larger than memory is no problem."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(path: Path) -> str:
    """Of a text file as it is with Unix line ends."""
    return sha256(path.read_bytes().replace(b"\r\n", b"\n"))


def sha256_json(value: Any) -> str:
    """Of a JSON value: equal values, equal digest, whatever the order of keys."""
    return sha256(json.dumps(value, sort_keys=True, default=str).encode())


def sha256_tree(paths: Iterable[Path]) -> str:
    """Of files and of all files in folders: their names below the path given, and their contents.

    Where the paths lie does not matter, and Python's caches do not count.
    """
    total = hashlib.sha256()
    for path in paths:
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        for file in files:
            if "__pycache__" not in file.parts:
                total.update(f"{file.relative_to(path.parent).as_posix()}\0{sha256_file(file)}\n".encode())
    return total.hexdigest()


def sha256_arrays(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Of named arrays: names, dtypes, shapes and content, in the order of the names."""
    total = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        total.update(f"{name} {array.dtype.str} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def sha256_and_git(path: Path) -> tuple[str, str]:
    """SHA-256 and git's SHA-1 (of `blob <size>\\0` and the content) of a file, in one pass."""
    plain = hashlib.sha256()
    git = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            plain.update(chunk)
            git.update(chunk)
    return plain.hexdigest(), git.hexdigest()
