"""Which of two topics is the text about? Words of one topic among fillers; each task has its own two topics."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import classified, draw_labels, family, pick, sample, shuffled
from benchmark.tasks.embedded.lexicon import FILLERS, Lexicon
from benchmark.tasks.example import Example


@family("topic", kind="classification", metric="accuracy")
@dataclass(frozen=True, slots=True)
class Topic:
    topics: tuple[str, str]
    words: tuple[tuple[str, ...], tuple[str, ...]]
    labels: tuple[str, str]

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Topic:
        one, two = sample(generator, list(lexicon.topics), 2)
        return cls((one, two), (lexicon.topics[one], lexicon.topics[two]), draw_labels(generator))

    def explicit(self) -> Topic:
        return replace(self, labels=(f" {self.topics[0]}", f" {self.topics[1]}"))

    def example(self, generator: Generator, index: int) -> Example:
        label = index % 2
        words = sample(generator, self.words[label], int(generator.integers(1, 4)))
        fillers = [pick(generator, FILLERS) for _ in range(int(generator.integers(1, 4)))]
        return classified("topic", shuffled(generator, words + fillers), self.labels, label, self.topics)
