"""Datasets of a hub: Parquet files of one commit."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from benchmark.models.parameters import COMMIT, REPOSITORY
from benchmark.sources.datasets.drawn import DrawnDataset, Files


class HubDataset(DrawnDataset):
    """A dataset of a hub: Parquet files of one commit."""

    source: Literal["hub"]
    repository: str = Field(pattern=REPOSITORY, description="owner/name on the hub")
    revision: str = Field(pattern=COMMIT, description="the commit: 40 hexadecimal digits")
    config: str = Field(default="default", description="the configuration (subset), as the dataset's card names it")
    pool_split: str = Field(default="train", description="the split that candidates are drawn from")
    query_split: str = Field(default="validation", description="the labelled split that queries are drawn from")

    asks: ClassVar[str] = "the hub"

    def examine(self, name: str) -> str:
        from benchmark.hub.repository import look_up

        return look_up("dataset", self.repository, self.revision)

    def fetch(self) -> Files:
        from benchmark.hub.card import CARD, licence_of, read_card
        from benchmark.hub.fetching import fetch
        from benchmark.hub.repository import list_files
        from benchmark.hub.splits import split_files

        listing = list_files("dataset", self.repository, self.revision)
        fetch(listing, [name for name in (CARD,) if name in listing.files])
        card = read_card(listing.snapshot)
        parts = (self.pool_split, self.query_split)
        splits = {split: split_files(listing.files, card, self.config, split, self.repository) for split in parts}
        fetched = fetch(listing, [name for names in splits.values() for name in names])
        provenance = {
            "source": "hub",
            "repository": self.repository,
            "revision": self.revision,
            "config": self.config,
            "licence": licence_of(card),
            "files": {name: {"bytes": file.bytes, "sha256": file.sha256} for name, file in sorted(fetched.items())},
        }
        pool, queries = (tuple(listing.snapshot / name for name in splits[part]) for part in parts)
        return Files(pool, queries, parts, provenance)
