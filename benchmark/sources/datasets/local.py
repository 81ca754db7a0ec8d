"""Datasets in files of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_file
from benchmark.sources.datasets.drawn import DrawnDataset, Files


class LocalDataset(DrawnDataset):
    """A dataset in JSON Lines, CSV or Parquet files of this machine."""

    source: Literal["local"]
    pool_files: tuple[str, ...] = Field(min_length=1, description="files of the candidates: .jsonl, .csv, .parquet")
    query_files: tuple[str, ...] = Field(
        min_length=1, description="files of the queries; the same files again: both are drawn from them, disjointly"
    )
    licence: str | None = Field(default=None, description="recorded with the results")

    @field_validator("pool_files", "query_files")
    @classmethod
    def _known_format(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        for name in files:
            if not name.endswith((".jsonl", ".csv", ".parquet")):
                raise ValueError(f"{name!r} is none of .jsonl, .csv, .parquet")
        return files

    def fetch(self) -> Files:
        described = {}
        for name in sorted({*self.pool_files, *self.query_files}):
            path = Path(name)
            if not path.is_file():
                raise BenchmarkError(f"{name} is missing: correct `pool_files` or `query_files` in the parameters")
            described[name] = {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        provenance = {"source": "local", "licence": self.licence, "files": described}
        pool, queries = (tuple(map(Path, names)) for names in (self.pool_files, self.query_files))
        return Files(pool, queries, ("pool", "query"), provenance)

    @property
    def local_files(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.pool_files, *self.query_files)))

    def examine(self, name: str) -> str:
        for file in self.local_files:
            if not Path(file).is_file():
                raise BenchmarkError(f"{file} is missing: correct datasets.{name}")
        return "its local files are there"
