"""A task family of this project, made from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Literal, get_args

from pydantic import Field

from benchmark.sources.datasets.source import DatasetSource, Outline
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example

FRESH = 20
"""Tasks that are drawn for text beside the one of the dataset."""


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

    def leftover(self, dataset: Dataset) -> Iterator[Example]:
        """The family's tasks under other seeds, one after the other, in the words of both splits: a pool may hold all
        that one of them can say.
        """
        from benchmark.tasks.drawing import inputs_of
        from benchmark.tasks.embedded import build_dataset
        from benchmark.tasks.embedded.lexicon import Split

        taken = set(inputs_of((*dataset.pool, *dataset.queries)))
        for seed, split in product(range(self.seed + 1, self.seed + 1 + FRESH), get_args(Split)):
            for example in build_dataset(dataset.name, self.family, seed, self.pool, 1, split).pool:
                if example.key[0] not in taken:
                    taken.add(example.key[0])
                    yield replace(example, id=f"text-{split}-{seed}-{example.id}")

    def outline(self) -> Outline:
        from benchmark.tasks.embedded import get_family

        family = get_family(self.family)
        return Outline(family.kind, (60, 8), self.pool, self.queries, family.max_new_tokens)

    @property
    def summary(self) -> str:
        return f"embedded family {self.family}"
