"""A folder with a text file for each row, in folders named by the label: columns `text`, `label` and `file`."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.tasks.rows import Reading, content, file_format


class Folders:
    names = ("text", "label", "file")

    def __init__(self, root: Path, files: list[Path], encoding: str) -> None:
        self._root, self._files, self._encoding = root, files, encoding

    def __len__(self) -> int:
        return len(self._files)

    def lacks(self, columns: Collection[str]) -> list[str]:
        return [name for name in columns if name not in self.names]

    def place(self, index: int) -> str:
        return self._files[index].relative_to(self._root).as_posix()

    def row(self, index: int, columns: Collection[str]) -> dict[str, Any]:
        path = self._files[index]
        found: dict[str, Any] = {"label": path.parent.name, "file": self.place(index)}
        if "text" in columns:  # a byte that is not of the encoding is refused only where it is used
            try:
                raw = content(path)
            except (OSError, EOFError, zlib.error) as error:
                raise BenchmarkError(f"cannot be read: {error}") from error
            found["text"] = raw.decode(self._encoding, errors="surrogateescape").removeprefix("\ufeff")
        return {name: found[name] for name in columns}


@file_format("folders", options=("encoding",))
def open_folders(path: Path, reading: Reading, columns: Collection[str] | None) -> Folders:
    """Every file below `path`, hidden ones aside, in the order of their paths."""
    if not path.is_dir():
        raise BenchmarkError("it is not a folder, which `format: folders` reads")
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(p.startswith(".") for p in file.relative_to(path).parts)
    )
    loose = [file.name for file in files if file.parent == path]
    if not files:
        raise BenchmarkError("it holds no files")
    if loose:
        raise BenchmarkError(
            f"{loose[0]} in it lies in no folder of a label: to read that file itself, name it instead of the folder"
        )
    return Folders(path, files, reading.encoding or "utf-8")
