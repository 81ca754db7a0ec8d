"""Is the verdict positive or negative? One or two adjectives say."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import classified, draw_labels, family, pick, sample
from benchmark.tasks.embedded.lexicon import INTENSIFIERS, SUBJECTS, Lexicon
from benchmark.tasks.example import Example

NAMES = ("positive", "negative")


@family("sentiment", kind="classification", metric="accuracy")
@dataclass(frozen=True, slots=True)
class Sentiment:
    adjectives: tuple[tuple[str, ...], tuple[str, ...]]
    labels: tuple[str, str]

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Sentiment:
        positive, negative = (lexicon.sentiments[name] for name in NAMES)
        return cls((positive, negative), draw_labels(generator))

    def explicit(self) -> Sentiment:
        return replace(self, labels=(f" {NAMES[0]}", f" {NAMES[1]}"))

    def example(self, generator: Generator, index: int) -> Example:
        label = index % 2
        adjectives = sample(generator, self.adjectives[label], 2)
        words = ["the", pick(generator, SUBJECTS), "was"]
        words += [pick(generator, INTENSIFIERS)] if generator.random() < 0.4 else []
        words += adjectives[:1] if generator.random() < 0.5 else [adjectives[0], "and", adjectives[1]]
        return classified("review", words, self.labels, label, NAMES)
