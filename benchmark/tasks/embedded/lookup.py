"""Which word stands beside the one that is asked for? A task asks for the next word, or for the one before."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import Block, family, generated, pick, sample
from benchmark.tasks.embedded.lexicon import Lexicon

RULES = {1: "next", -1: "before"}


@family("lookup", kind="generative", metric="exact_match")
@dataclass(frozen=True, slots=True)
class Lookup:
    words: tuple[str, ...]
    step: int
    cue: str = "beside"

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Lookup:
        return cls(lexicon.words, pick(generator, tuple(RULES)))

    def explicit(self) -> Lookup:
        return replace(self, cue=RULES[self.step])

    def block(self, generator: Generator, index: int) -> Block:
        words = sample(generator, self.words, 3 + index % 3)
        asked = int(generator.integers(1, len(words) - 1))
        return generated(self.cue, [*words, ";", words[asked]], [words[asked + self.step]])
