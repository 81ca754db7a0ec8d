"""Do the first and the last word belong to one topic? Fillers stand between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import Block, classified, draw_labels, family, pick, sample
from benchmark.tasks.embedded.lexicon import FILLERS, Lexicon

NAMES = ("same", "different")


@family("agreement", kind="classification", metric="accuracy")
@dataclass(frozen=True, slots=True)
class Agreement:
    topics: tuple[tuple[str, ...], ...]
    labels: tuple[str, str]

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Agreement:
        return cls(tuple(lexicon.topics.values()), draw_labels(generator))

    def explicit(self) -> Agreement:
        return replace(self, labels=(f" {NAMES[0]}", f" {NAMES[1]}"))

    def block(self, generator: Generator, index: int) -> Block:
        label = index % 2
        one, other = sample(generator, self.topics, 2)
        first, last = sample(generator, one, 2) if label == 0 else (pick(generator, one), pick(generator, other))
        between = [pick(generator, FILLERS) for _ in range(int(generator.integers(1, 4)))]
        return classified("pair", [first, *between, last], self.labels, label, NAMES)
