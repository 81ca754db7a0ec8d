"""What the embedded models are trained on: rows of token ids, and how much the loss of each token weighs.

Four kinds of row:
- an episode: examples of one task of one family, one after the other, so that every example but the first has
  demonstrations before it. A share of the episodes is explicit: the task is told in words (`Task.explicit`);
- a text: sentences, each of words of one kind, where a model meets the held-out words in their company;
- a repetition: a random sequence of words, again and again, from which copying is learned;
- a dictionary: keys and their values, in random order; a key is a word, or some words of one kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from numpy.random import Generator
from transformers import PreTrainedTokenizerBase

from benchmark.models.tokenizer import CUES, MARKS, TOKEN, vocabulary
from benchmark.tasks.embedded import FAMILIES
from benchmark.tasks.embedded import lexicon as words
from benchmark.tasks.embedded.family import ARROW, SEPARATOR, draw_labels, pick, sample, shuffled
from benchmark.tasks.example import Example

TARGET, STOP, TEXT, CONTEXT = 1.0, 0.3, 0.5, 0.1  # weights of a token's loss
SLOW = ("topic", "majority", "sentiment", "filtering")  # families that are learned late: twice as many episodes
KINDS = (*words.TOPICS.values(), *words.SENTIMENTS.values())
EVERY = tuple(word for word in vocabulary(bos=False) if not word.startswith("<"))
CONTENT = tuple(word for word in EVERY if word not in MARKS)


@dataclass(slots=True)
class Row:
    """Token ids and their weights, of one length."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def add(self, ids: Sequence[int], weight: float) -> None:
        self.ids += ids
        self.weights += [weight] * len(ids)


@dataclass(frozen=True, slots=True)
class Mixture:
    """Shares of a batch's rows; the rest are episodes."""

    texts: float = 0.0
    repetitions: float = 0.0
    dictionaries: float = 0.0
    explicit: float = 0.25  # share of the episodes whose task is told in words
    echoes: float = 0.15  # share of an episode's examples that occurred in it before


class RowSource:
    """Draws rows, of the seen lexicon in episodes and dictionaries of kinds, and of every word elsewhere."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._ids: dict[str, int] = tokenizer.get_vocab()
        self._start = [] if tokenizer.bos_token_id is None else [int(tokenizer.bos_token_id)]
        self._families = [family for name, family in FAMILIES.items() for _ in range(2 if name in SLOW else 1)]

    def _encode(self, text: str) -> list[int]:
        return [self._ids[word] for word in re.findall(TOKEN, text)]

    def _begin(self) -> Row:
        """With BOS, where the tokenizer has one."""
        return Row(list(self._start), [0.0] * len(self._start))

    def episode(self, generator: Generator, length: int, mixture: Mixture) -> Row:
        family = pick(generator, self._families)
        task = family.draw(generator, words.lexicon("seen"))
        if generator.random() < mixture.explicit:
            task = task.explicit()
        row = self._begin()
        examples: list[Example] = []
        while len(row.ids) < length:
            if examples and generator.random() < mixture.echoes:
                example = pick(generator, examples)
            else:
                example = task.example(generator, int(generator.integers(60)))  # 60: all residues a family counts by
            examples.append(example)
            row.add(self._encode(example.input), CONTEXT)
            row.add(self._encode(example.target), TARGET)
            row.add(self._encode(SEPARATOR), STOP)
        return row

    def text(self, generator: Generator, length: int, mixture: Mixture) -> Row:
        row = self._begin()
        while len(row.ids) < length:
            sentence = sample(generator, pick(generator, KINDS), int(generator.integers(4, 9)))
            row.add(self._encode(" ".join(sentence) + SEPARATOR), TEXT)
        return row

    def repetition(self, generator: Generator, length: int, mixture: Mixture) -> Row:
        sequence = self._encode(" ".join(sample(generator, EVERY, int(generator.integers(6, 21)))))
        row = self._begin()
        row.add(sequence, CONTEXT)
        while len(row.ids) < length:
            row.add(sequence, TARGET)
        return row

    def dictionary(self, generator: Generator, length: int, mixture: Mixture) -> Row:
        if generator.random() < 0.7:
            seen = words.lexicon("seen")
            groups = (*seen.topics.values(), *seen.sentiments.values())
            keys: list[Sequence[str]] = [*sample(generator, groups, 2)]
            most = pick(generator, (1, 3))
        else:
            most = 1
            keys = [(word,) for word in sample(generator, CONTENT, int(generator.integers(2, 9)))]
        labels = draw_labels(generator)
        values = labels if generator.random() < 0.7 else [f" {word}" for word in sample(generator, CONTENT, len(keys))]
        before = f"{pick(generator, CUES)} : " if generator.random() < 0.5 else ""
        after = ARROW if generator.random() < 0.7 else ""
        row, met = self._begin(), set()
        while len(row.ids) < length:
            entry = int(generator.integers(len(keys)))
            key = sample(generator, keys[entry], int(generator.integers(1, most + 1)))
            if most > 1:
                key = shuffled(generator, key + sample(generator, words.FILLERS, int(generator.integers(3))))
            row.add(self._encode(before + " ".join(key) + after), CONTEXT)
            row.add(self._encode(values[entry % len(values)]), TARGET if entry in met else CONTEXT)
            row.add(self._encode(SEPARATOR), CONTEXT)
            met.add(entry)
        return row

    def batch(self, generator: Generator, size: int, length: int, mixture: Mixture) -> list[Row]:
        """`size` rows of `length` tokens."""
        kinds = (
            [self.text] * round(size * mixture.texts)
            + [self.repetition] * round(size * mixture.repetitions)
            + [self.dictionary] * round(size * mixture.dictionaries)
        )
        kinds = (kinds + [self.episode] * size)[:size]
        rows = [kind(generator, length, mixture) for kind in kinds]
        return [Row(row.ids[:length], row.weights[:length]) for row in rows]
