"""Quote the praise, or quote the blame, from a verdict that holds both: demonstrations tell which."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import family, generated, pick, shuffled
from benchmark.tasks.embedded.lexicon import INTENSIFIERS, SUBJECTS, Lexicon
from benchmark.tasks.example import Example

NAMES = ("positive", "negative")


@family("opinion", kind="generative", metric="exact_match")
@dataclass(frozen=True, slots=True)
class Opinion:
    wanted: str
    adjectives: dict[str, tuple[str, ...]]
    cue: str = "quote"

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Opinion:
        return cls(pick(generator, NAMES), lexicon.sentiments)

    def explicit(self) -> Opinion:
        return replace(self, cue=f"quote {self.wanted}")

    def example(self, generator: Generator, index: int) -> Example:
        said = {name: pick(generator, self.adjectives[name]) for name in NAMES}
        first, second = shuffled(generator, NAMES)
        words = ["the", pick(generator, SUBJECTS), "was"]
        words += [pick(generator, INTENSIFIERS)] if generator.random() < 0.4 else []
        words += [said[first], "and", said[second]]
        return generated(self.cue, words, [said[self.wanted]])
