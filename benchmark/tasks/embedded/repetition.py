"""Does a word occur twice? A pattern that any words can fill; its labels have two tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import Block, classified, draw_labels, family, sample
from benchmark.tasks.embedded.lexicon import Lexicon

NAMES = ("repeated", "distinct")


@family("repetition", kind="classification", metric="accuracy", max_new_tokens=3)
@dataclass(frozen=True, slots=True)
class Repetition:
    words: tuple[str, ...]
    labels: tuple[str, str]

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Repetition:
        return cls(lexicon.words, draw_labels(generator, two_tokens=True))

    def explicit(self) -> Repetition:
        return replace(self, labels=(f" {NAMES[0]}", f" {NAMES[1]}"))

    def block(self, generator: Generator, index: int) -> Block:
        label = index % 2
        size = int(generator.integers(3, 6))
        words = sample(generator, self.words, size)
        if label == 0:
            first, second = sample(generator, range(size), 2)
            words[second] = words[first]
        return classified("twice", words, self.labels, label, NAMES)
