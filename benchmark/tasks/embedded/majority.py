"""Which of two topics has more words in the text? Both occur; the margin is one to three words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import classified, draw_labels, family, pick, sample, shuffled
from benchmark.tasks.embedded.lexicon import Lexicon
from benchmark.tasks.example import Example

COUNTS = ((1, 2), (1, 3), (1, 4), (2, 4))


@family("majority", kind="classification", metric="accuracy")
@dataclass(frozen=True, slots=True)
class Majority:
    topics: tuple[str, str]
    words: tuple[tuple[str, ...], tuple[str, ...]]
    labels: tuple[str, str]

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Majority:
        one, two = sample(generator, list(lexicon.topics), 2)
        return cls((one, two), (lexicon.topics[one], lexicon.topics[two]), draw_labels(generator))

    def explicit(self) -> Majority:
        return replace(self, labels=(f" {self.topics[0]}", f" {self.topics[1]}"))

    def example(self, generator: Generator, index: int) -> Example:
        label = index % 2
        fewer, more = pick(generator, COUNTS)
        words = sample(generator, self.words[label], more) + sample(generator, self.words[1 - label], fewer)
        return classified("most", shuffled(generator, words), self.labels, label, self.topics)
