"""Keep the words of one topic, in their order, and leave the others out: demonstrations tell which topic.

Targets have one to three tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import family, generated, pick, sample, shuffled
from benchmark.tasks.embedded.lexicon import Lexicon
from benchmark.tasks.example import Example


@family("filtering", kind="generative", metric="rouge_l", max_new_tokens=4)
@dataclass(frozen=True, slots=True)
class Filtering:
    wanted: str
    topics: dict[str, tuple[str, ...]]
    cue: str = "keep"

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Filtering:
        return cls(pick(generator, list(lexicon.topics)), lexicon.topics)

    def explicit(self) -> Filtering:
        return replace(self, cue=f"keep {self.wanted}")

    def example(self, generator: Generator, index: int) -> Example:
        kept = sample(generator, self.topics[self.wanted], 1 + index % 3)
        other = pick(generator, [topic for topic in self.topics if topic != self.wanted])
        dropped = sample(generator, self.topics[other], int(generator.integers(1, 4)))
        words = shuffled(generator, kept + dropped)
        return generated(self.cue, words, [word for word in words if word in kept])
