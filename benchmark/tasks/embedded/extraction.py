"""Extract the word of one topic, or of two in a fixed order, from words of several: demonstrations tell which."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from benchmark.tasks.embedded.family import family, generated, pick, sample, shuffled
from benchmark.tasks.embedded.lexicon import Lexicon
from benchmark.tasks.example import Example


@family("extraction", kind="generative", metric="exact_match", max_new_tokens=3)
@dataclass(frozen=True, slots=True)
class Extraction:
    wanted: tuple[str, ...]
    topics: dict[str, tuple[str, ...]]
    cue: str = "find"

    @classmethod
    def draw(cls, generator: Generator, lexicon: Lexicon) -> Extraction:
        return cls(tuple(sample(generator, list(lexicon.topics), int(generator.integers(1, 3)))), lexicon.topics)

    def explicit(self) -> Extraction:
        return replace(self, cue=f"find {' '.join(self.wanted)}")

    def example(self, generator: Generator, index: int) -> Example:
        answer = {topic: pick(generator, self.topics[topic]) for topic in self.wanted}
        others = [topic for topic in self.topics if topic not in answer]
        extra = [pick(generator, self.topics[topic]) for topic in sample(generator, others, 1 + index % 3)]
        return generated(self.cue, shuffled(generator, [*answer.values(), *extra]), list(answer.values()))
