"""Is it asked or stated? The same words in another order; labels have two tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import classified, draw_labels, family, pick
from benchmark.tasks.embedded.lexicon import INTENSIFIERS, SUBJECTS, Lexicon
from benchmark.tasks.example import Example

NAMES = ("stated", "asked")


@family("question", kind="classification", metric="accuracy", max_new_tokens=3)
@dataclass(frozen=True, slots=True)
class Question:
    adjectives: tuple[str, ...]
    labels: tuple[str, str]

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Question:
        adjectives = tuple(word for words in lexicon.sentiments.values() for word in words)
        return cls(adjectives, draw_labels(generator, two_tokens=True))

    def explicit(self) -> Question:
        return replace(self, labels=(f" {NAMES[0]}", f" {NAMES[1]}"))

    def example(self, generator: Generator, index: int) -> Example:
        label = index % 2
        subject = ["the", pick(generator, SUBJECTS)]
        words = ["was", *subject] if label else [*subject, "was"]
        words += [pick(generator, INTENSIFIERS)] if generator.random() < 0.4 else []
        words += [pick(generator, self.adjectives)]
        words += ["and", pick(generator, self.adjectives)] if generator.random() < 0.4 else []
        return classified("mood", words, self.labels, label, NAMES)
