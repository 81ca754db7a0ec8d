"""Datasets in files of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_file
from benchmark.sources.datasets.drawn import Files
from benchmark.sources.datasets.files import FilesDataset


class LocalDataset(FilesDataset):
    """A dataset in files of this machine, or in folders of them."""

    source: Literal["local"]
    pool_files: tuple[str, ...] = Field(min_length=1, description="files of the candidates, or folders of text files")
    query_files: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="files of the queries; null, or the same files again: both are drawn from them, disjointly",
    )

    def fetch(self) -> Files:
        described: dict[str, Any] = {}
        for name in sorted(self.local_files):
            for path in _all_files(Path(name)):
                described[str(path)] = {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        provenance = {"source": "local", "licence": self.licence, "files": described}
        pool, queries = (tuple(map(Path, names)) for names in (self.pool_files, self.query_files or self.pool_files))
        return Files(pool, queries, ("pool", "query"), provenance)

    @property
    def local_files(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.pool_files, *(self.query_files or ()))))

    def examine(self, name: str) -> str:
        """Draws the dataset: its files are here, so what the stage would say is known now."""
        dataset = self.build(name)
        return f"{len(dataset.pool)} candidates and {len(dataset.queries)} queries can be drawn"


def _all_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    if not path.is_file():
        raise BenchmarkError(f"{path} is missing: correct `pool_files` or `query_files` in the parameters")
    return [path]
