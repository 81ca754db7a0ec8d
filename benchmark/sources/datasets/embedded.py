"""A task family of this project, made from a seed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmark.sources.datasets.source import DatasetSource, Outline
from benchmark.tasks.dataset import Dataset


class EmbeddedDataset(DatasetSource):
    """A task family made from a seed by `benchmark.tasks.embedded`."""

    source: Literal["embedded"]
    family: str = Field(description="a registered task family")
    pool: int = Field(ge=200, description="candidates; at least 200, all distinct")
    queries: int = Field(ge=16, description="queries, held out from the pool")
    split: Literal["seen", "held_out"] = Field(
        description="the words: those of training, or those that no example of training used"
    )
    seed: int = Field(ge=0)

    def build(self, name: str) -> Dataset:
        from benchmark.tasks.embedded import build_dataset

        return build_dataset(name, self.family, self.seed, self.pool, self.queries, self.split)

    def outline(self) -> Outline:
        from benchmark.tasks.embedded import get_family

        family = get_family(self.family)
        return Outline(family.kind, (60, 8), self.pool, self.queries, family.max_new_tokens)

    @property
    def summary(self) -> str:
        return f"embedded family {self.family}"
