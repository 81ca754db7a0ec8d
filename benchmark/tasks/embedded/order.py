"""Repeat the words as they stand, or backwards: demonstrations tell which. Targets have two to four tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import Block, family, generated, pick, sample
from benchmark.tasks.embedded.lexicon import Lexicon

RULES = {1: "forwards", -1: "backwards"}


@family("order", kind="generative", metric="rouge_l", max_new_tokens=5)
@dataclass(frozen=True, slots=True)
class Order:
    words: tuple[str, ...]
    step: int
    cue: str = "say"

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Order:
        return cls(lexicon.words, pick(generator, tuple(RULES)))

    def explicit(self) -> Order:
        return replace(self, cue=RULES[self.step])

    def block(self, generator: Generator, index: int) -> Block:
        words = sample(generator, self.words, 2 + index % 3)
        return generated(self.cue, words, words[:: self.step])
