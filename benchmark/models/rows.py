"""What the embedded models are trained on: rows of token ids, and how much the loss of each token weighs.

Three kinds of row:
- an episode: examples of one task of one family, one after the other, so that every example but the first has
  demonstrations before it. A share of the episodes is explicit: the task is told in words (`Task.explicit`);
- a text: sentences, each of words of one kind, where a model meets the held-out words in their company;
- a repetition: a random sequence of words, again and again, from which copying is learned.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from numpy.random import Generator
from transformers import PreTrainedTokenizerBase

from benchmark.models.tokenizer import TOKEN
from benchmark.tasks.embedded import FAMILIES
from benchmark.tasks.embedded import lexicon as words
from benchmark.tasks.embedded.family import SEPARATOR, Block, pick, sample

TARGET, STOP, TEXT, CONTEXT = 1.0, 0.3, 0.5, 0.1  # weights of a token's loss
KINDS = (*words.TOPICS.values(), *words.SENTIMENTS.values())
CONTENT = tuple(
    dict.fromkeys(word for kind in (*KINDS, words.SUBJECTS, words.FILLERS, *words.LABEL_PAIRS) for word in kind)
)


@dataclass(slots=True)
class Row:
    """Token ids and their weights, of one length."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def add(self, ids: Sequence[int], weight: float) -> None:
        self.ids += ids
        self.weights += [weight] * len(ids)


@dataclass(frozen=True, slots=True)
class RowMixture:
    """How many of a batch's rows are of which kind; the other rows are episodes."""

    texts: int = 1
    repetitions: int = 2
    explicit: float = 0.25  # share of episodes whose task is told in words
    echoes: float = 0.15  # share of an episode's examples that occurred in it before


class RowSource:
    """Draws rows of `length` tokens, of the seen lexicon in episodes and of every word elsewhere."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, length: int, mixture: RowMixture) -> None:
        self._ids: dict[str, int] = tokenizer.get_vocab()
        self._start = [] if tokenizer.bos_token_id is None else [int(tokenizer.bos_token_id)]
        self._families = tuple(FAMILIES.values())
        self._length = length
        self._mixture = mixture

    def _encode(self, text: str) -> list[int]:
        return [self._ids[word] for word in re.findall(TOKEN, text)]

    def _begin(self) -> Row:
        return Row(list(self._start), [0.0] * len(self._start))

    def _cut(self, row: Row) -> Row:
        return Row(row.ids[: self._length], row.weights[: self._length])

    def episode(self, generator: Generator) -> Row:
        family = pick(generator, self._families)
        task = family.draw(generator, words.lexicon("seen"))
        if generator.random() < self._mixture.explicit:
            task = task.explicit()
        row = self._begin()
        blocks: list[Block] = []
        while len(row.ids) < self._length:
            if blocks and generator.random() < self._mixture.echoes:
                block = pick(generator, blocks)
            else:
                block = task.block(generator, int(generator.integers(60)))  # 60: all residues a family counts by
            blocks.append(block)
            row.add(self._encode(block.input), CONTEXT)
            row.add(self._encode(block.target), TARGET)
            row.add(self._encode(SEPARATOR), STOP)
        return self._cut(row)

    def text(self, generator: Generator) -> Row:
        row = self._begin()
        while len(row.ids) < self._length:
            sentence = sample(generator, pick(generator, KINDS), int(generator.integers(4, 9)))
            row.add(self._encode(" ".join(sentence) + SEPARATOR), TEXT)
        return self._cut(row)

    def repetition(self, generator: Generator) -> Row:
        sequence = self._encode(" ".join(sample(generator, CONTENT, int(generator.integers(6, 21)))))
        row = self._begin()
        row.add(sequence, CONTEXT)
        while len(row.ids) < self._length:
            row.add(sequence, TARGET)
        return self._cut(row)

    def batch(self, generator: Generator, size: int, *, repetitions_only: bool = False) -> list[Row]:
        """`size` rows: the mixture's texts and repetitions, then episodes."""
        if repetitions_only:
            return [self.repetition(generator) for _ in range(size)]
        kinds = [self.text] * self._mixture.texts + [self.repetition] * self._mixture.repetitions
        kinds = (kinds + [self.episode] * size)[:size]
        return [kind(generator) for kind in kinds]
