"""Repeat the first, the second or the last word: demonstrations tell which.

Now and then a word fills two positions, and such a demonstration leaves the rule open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import Block, family, generated, pick, sample
from benchmark.tasks.embedded.lexicon import Lexicon

RULES = {0: "first", 1: "second", -1: "last"}


@family("position", kind="generative", metric="exact_match")
@dataclass(frozen=True, slots=True)
class Position:
    words: tuple[str, ...]
    position: int
    cue: str = "which"

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Position:
        return cls(lexicon.words, pick(generator, tuple(RULES)))

    def explicit(self) -> Position:
        return replace(self, cue=RULES[self.position])

    def block(self, generator: Generator, index: int) -> Block:
        words = sample(generator, self.words, 3 + index % 3)
        if generator.random() < 0.25:
            one, two = sample(generator, tuple(RULES), 2)
            words[one] = words[two]
        return generated(self.cue, words, [words[self.position]])
