"""Is the verdict negated? The same texts as in `sentiment`, told apart by another trait: whether there is a `not`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import classified, draw_labels, family, pick
from benchmark.tasks.embedded.lexicon import INTENSIFIERS, SUBJECTS, Lexicon
from benchmark.tasks.example import Example

NAMES = ("affirmed", "negated")


@family("negation", kind="classification", metric="accuracy")
@dataclass(frozen=True, slots=True)
class Negation:
    adjectives: tuple[str, ...]
    labels: tuple[str, str]

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Negation:
        adjectives = tuple(word for words in lexicon.sentiments.values() for word in words)
        return cls(adjectives, draw_labels(generator))

    def explicit(self) -> Negation:
        return replace(self, labels=(f" {NAMES[0]}", f" {NAMES[1]}"))

    def example(self, generator: Generator, index: int) -> Example:
        label = index % 2
        words = ["the", pick(generator, SUBJECTS), "was", *(["not"] if label else [])]
        words += [pick(generator, INTENSIFIERS)] if generator.random() < 0.4 else []
        words += [pick(generator, self.adjectives)]
        words += ["and", pick(generator, self.adjectives)] if generator.random() < 0.4 else []
        return classified("claim", words, self.labels, label, NAMES)
