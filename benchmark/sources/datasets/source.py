"""What every kind of dataset source can do; the code that uses one asks it, and never which kind it is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from benchmark.section import Section
from benchmark.tasks.dataset import Dataset, Kind
from benchmark.tasks.example import Example


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of a dataset before it is there; counts are None where every row is asked for.

    `typical`: characters of an input and of a target, roughly.
    """

    kind: Kind
    typical: tuple[int, int]
    pool: int | None
    queries: int | None
    max_new_tokens: int


class DatasetSource(Section):
    """Parameters of one dataset. A kind is a subclass in a file of this folder, with its name as `source`."""

    source: str

    asks: ClassVar[str] = ""
    """What it has to reach over a network, if anything: one that is out of reach is asked once."""

    @abstractmethod
    def build(self, name: str) -> Dataset:
        """The dataset: fetched, verified and drawn. Raises `BenchmarkError` for whatever makes it unusable."""

    @classmethod
    def fetch_together(cls, sources: Sequence[Self]) -> None:
        """Fetches what several datasets of this kind need, where that takes less than one after the other."""

    @abstractmethod
    def leftover(self, dataset: Dataset) -> Iterator[Example]:
        """Examples that are neither candidates nor queries of `dataset`, which was built from it, in random order:
        text of the same kind. Raises `BenchmarkError` as `build` does.
        """

    @abstractmethod
    def outline(self) -> Outline:
        """What a plan needs before the dataset is there; raises `BenchmarkError` for a name in no registry."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """A few words for `python -m benchmark list`."""

    def examine(self, name: str) -> str:
        """What the doctor says of it, without a download; empty where there is nothing to say.

        Raises `BenchmarkError` for what would make the stage fail, as far as that can be known beforehand.
        """
        return ""

    @property
    def local_files(self) -> tuple[str, ...]:
        """Files of this machine that it reads: DVC does not watch them, so the doctor does."""
        return ()
