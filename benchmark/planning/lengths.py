"""Token lengths of a dataset's examples: counted with the model's tokenizer, or estimated where it is not there yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.tasks.dataset import Dataset, Kind
from benchmark.tasks.tokens import encode

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from benchmark.tasks.example import Example

CHARACTERS_PER_TOKEN = 4.0
"""English text in vocabularies of 100,000 tokens and more has 4 to 4.6; digits and other languages have fewer."""
SPREAD = 0.4
"""Standard deviation of the logarithm of lengths that only a mean is known of [ours]."""
TYPICAL_POOL = 1000
"""Candidates assumed of a pool that takes every row of a split that has not been fetched."""
TYPICAL_CHOICES = 4

Counts = NDArray[np.int64]
Origin = Literal["counted", "from characters", "typical of the template"]


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens, int64: of candidates' inputs and targets [candidate], queries' inputs [query], and what may follow them.

    BOS is not among them: `bos` (0 or 1) says whether it comes before a prompt.
    """

    kind: Kind
    pool_input: Counts
    pool_target: Counts
    separator: int
    query_input: Counts
    continuations: tuple[tuple[int, ...], ...]
    pool_continuations: tuple[tuple[int, ...], ...]
    max_new_tokens: int
    bos: int
    origin: Origin

    @property
    def block(self) -> Counts:
        """Tokens of each candidate as a demonstration."""
        return self.pool_input + self.pool_target + self.separator

    def fewer(self, candidates: int | None = None, queries: int | None = None) -> Lengths:
        """The first so many of each: what a smaller draw would be."""
        return replace(
            self,
            pool_input=self.pool_input[:candidates],
            pool_target=self.pool_target[:candidates],
            pool_continuations=self.pool_continuations[:candidates],
            query_input=self.query_input[:queries],
            continuations=self.continuations[:queries],
        )


def count_lengths(dataset: Dataset, tokenizer: PreTrainedTokenizerBase, bos: bool) -> Lengths:
    """The lengths as the stages will have them."""

    def count(texts: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
        """Tokens of each pair of an input and what follows it: of the whole, and up to the border."""
        encoded = encode(tokenizer, [input + text for input, text in texts])
        return [(len(each.ids), each.before(len(input))) for each, (input, _) in zip(encoded, texts, strict=True)]

    def continuations(examples: Sequence[Example]) -> tuple[list[int], tuple[tuple[int, ...], ...]]:
        following = [example.choices or (example.target,) for example in examples]
        pairs = zip(examples, following, strict=True)
        counted = iter(count([(example.input, text) for example, texts in pairs for text in texts]))
        tokens = [[next(counted) for _ in texts] for texts in following]
        shared = [min(inside for _, inside in each) for each in tokens]
        return shared, tuple(tuple(w - n for w, _ in each) for n, each in zip(shared, tokens, strict=True))

    pool = np.array(count([(example.input, example.target) for example in dataset.pool]), dtype=np.int64)
    first = dataset.pool[0]
    ((separated, _),) = count([(first.input, first.target + dataset.separator)])
    query_input, query_continuations = continuations(dataset.queries)
    return Lengths(
        kind=dataset.kind,
        pool_input=pool[:, 1],
        pool_target=pool[:, 0] - pool[:, 1],
        separator=separated - int(pool[0, 0]),
        query_input=np.array(query_input, dtype=np.int64),
        continuations=query_continuations,
        pool_continuations=continuations(dataset.pool)[1],
        max_new_tokens=dataset.max_new_tokens,
        bos=int(bos),
        origin="counted",
    )


def estimate_lengths(dataset: Dataset, bos: bool) -> Lengths:
    """The lengths guessed from characters."""

    def tokens(text: str) -> int:
        return max(1, round(len(text) / CHARACTERS_PER_TOKEN))

    def continuations(example: Example) -> tuple[int, ...]:
        return tuple(map(tokens, example.choices or (example.target,)))

    return Lengths(
        kind=dataset.kind,
        pool_input=np.array([tokens(example.input) for example in dataset.pool], dtype=np.int64),
        pool_target=np.array([tokens(example.target) for example in dataset.pool], dtype=np.int64),
        separator=tokens(dataset.separator),
        query_input=np.array([tokens(example.input) for example in dataset.queries], dtype=np.int64),
        continuations=tuple(map(continuations, dataset.queries)),
        pool_continuations=tuple(map(continuations, dataset.pool)),
        max_new_tokens=dataset.max_new_tokens,
        bos=int(bos),
        origin="from characters",
    )


def typical_lengths(
    kind: Kind, characters: tuple[int, int], pool: int | None, queries: int | None, max_new_tokens: int, bos: bool
) -> Lengths:
    """Lengths of examples that nobody has seen yet, spread log-normally around the template's typical ones."""
    pool, queries = pool or TYPICAL_POOL, queries or TYPICAL_POOL

    def spread(mean: float, count: int) -> Counts:
        quantiles = np.array([NormalDist().inv_cdf((index + 0.5) / count) for index in range(count)])
        sizes = mean / CHARACTERS_PER_TOKEN * np.exp(SPREAD * quantiles - SPREAD**2 / 2)
        shuffled = np.random.default_rng(0).permutation(np.maximum(1, sizes.round()).astype(np.int64))
        return np.asarray(shuffled, dtype=np.int64)

    targets, asked = spread(characters[1], pool), spread(characters[1], queries)
    choices = TYPICAL_CHOICES if kind == "classification" else 1
    return Lengths(
        kind=kind,
        pool_input=spread(characters[0], pool),
        pool_target=targets,
        separator=1,
        query_input=spread(characters[0], queries),
        continuations=tuple((int(length),) * choices for length in asked),
        pool_continuations=tuple((int(length),) * choices for length in targets),
        max_new_tokens=max_new_tokens,
        bos=int(bos),
        origin="typical of the template",
    )


def read_dataset(folder: Path) -> Dataset | None:
    """The dataset in `folder`, or None where its stage has not run."""
    if not (folder / "dataset.json").is_file():
        return None
    try:
        return Dataset.read(folder)
    except BenchmarkError:  # the stage will say what is wrong with it; a plan goes on with estimates
        return None
