"""Prompts as token ids: what comes before the queries (prefix), and each query with what may follow it.

    prompt = prefix.ids + query.input + one of query.continuations

A prompt is tokenized as it stands: the demonstrations with their separators, the query's input and one of its choices
are one text, whose parts are found by character offsets. A `Grid` holds prefixes whose queries have the same tokens, so
that both are computed once.

Tokenizing every prompt would take as long as a small model takes to run. Where the border between the last separator
and the query is clean, the tokens of a prompt are those of two other prompts:

    tokens(A_i + Q_j) = tokens(A_i + Q_0) up to the border + tokens(A_0 + Q_j) after it

Tokenizers split a text into words from left to right before they merge, so whether that holds for a pair is seen in the
words around its border. It is checked there for every pair, and on whole prompts of a sample. Where it fails, or where
the tokenizer splits no words, each prefix has queries of its own, from whole prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmark.errors import BenchmarkError
from benchmark.tasks.tokens import Ids, encode

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from benchmark.models.loading import LoadedModel
    from benchmark.tasks.dataset import Dataset
    from benchmark.tasks.example import Example

WORDS = 2
"""Words on each side of a border that are looked at."""
SAMPLE = 8
"""Prefixes, and queries, of the whole prompts that confirm a clean border."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """What stands before a query; `name` is for error messages."""

    name: str
    ids: Ids


@dataclass(frozen=True, slots=True)
class Query:
    """`input` is shared by all `continuations`: the choices, or the one target of a generative task.

    Where a tokenizer merges the end of the input with the start of a choice, the merged token is the choice's.
    """

    name: str
    input: Ids
    continuations: tuple[Ids, ...]
    gold: int

    def longest(self, generated: int = 0) -> int:
        """Tokens of the whole query with its longest continuation, or with `generated` tokens if they are more."""
        return len(self.input) + max(generated, *map(len, self.continuations))


@dataclass(frozen=True, slots=True)
class Grid:
    """Every prefix by every query; `rows` are the prefixes' places among all that were asked for."""

    rows: tuple[int, ...]
    prefixes: tuple[Prefix, ...]
    queries: tuple[Query, ...]


def start(loaded: LoadedModel) -> Ids:
    """What stands before the text of every prompt of this model."""
    if loaded.add_bos and not loaded.prefix_ids:
        raise BenchmarkError(f"model {loaded.name} needs BOS, but its tokenizer has none: set add_bos to false")
    return loaded.prefix_ids


def prompts(
    loaded: LoadedModel, dataset: Dataset, members: Sequence[Sequence[int]], queries: Sequence[Example]
) -> list[Grid]:
    """The prompts of every row of pool indices (its demonstrations, in that order) by every query.

    One grid where the border is clean, else one for each row. A row without demonstrations has a grid of its own.
    Raises `BenchmarkError` where no token comes before a query's choices, or a choice has no token of its own.
    """
    first, pool = start(loaded), dataset.pool
    texts = ["".join(pool[i].input + pool[i].target + dataset.separator for i in row) for row in members]
    names = [" + ".join(pool[i].id for i in row) for row in members]
    several = tuple(row for row, text in enumerate(texts) if text)
    shared = _shared(loaded.tokenizer, [texts[row] for row in several], queries) if several else None
    grids = []
    if shared is not None:
        prefixes = tuple(Prefix(names[row], first + ids) for row, ids in zip(several, shared[0], strict=True))
        grids.append(Grid(several, prefixes, shared[1]))
    alone = sorted(set(range(len(texts))).difference(*(grid.rows for grid in grids)))
    return grids + [_whole(loaded.tokenizer, row, names[row], first, texts[row], queries) for row in alone]


def splits_words(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the tokenizer splits a text into words before it merges: no token then depends on distant text."""
    pre_tokenizer = tokenizer.backend_tokenizer.pre_tokenizer
    return pre_tokenizer is not None and len(pre_tokenizer.pre_tokenize_str("a b c")) > 1


def _whole(
    tokenizer: PreTrainedTokenizerBase, row: int, name: str, first: Ids, text: str, queries: Sequence[Example]
) -> Grid:
    """From whole prompts: what all of them begin with, and the rest of each.

    A query keeps at least one token of its input, for the first token of its choices is read off there.
    """
    asked = _asked(tokenizer, first, text, queries)
    common = _common([query.input for query in asked]) if text else len(first)
    n = min(common, min(len(query.input) for query in asked) - 1)
    rest = tuple(replace(query, input=query.input[n:]) for query in asked)
    return Grid((row,), (Prefix(name, asked[0].input[:n]),), rest)


def _shared(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], queries: Sequence[Example]
) -> tuple[list[Ids], tuple[Query, ...]] | None:
    """The tokens of each text up to its border with a query, and those of each query; None without a clean border."""
    if not splits_words(tokenizer):
        return None
    ends = sorted({_last_words(text) for text in texts})
    starts = sorted({_first_words(query.input + choice) for query in queries for choice in _choices(query)})
    follow = [query.input + _choices(query)[0] for query in queries]
    some = texts[:: max(1, len(texts) // SAMPLE)]
    if not (_clean(tokenizer, ends, starts) and _clean(tokenizer, some, follow[:: max(1, len(follow) // SAMPLE)])):
        return None
    before = [parts[0] for text in texts for parts in _parts(tokenizer, text, follow[:1])]
    try:
        asked = _asked(tokenizer, (), texts[0], queries, len(before[0]))
    except BenchmarkError:  # a query without a token after the border
        return None
    return before, asked


def _clean(tokenizer: PreTrainedTokenizerBase, ends: Sequence[str], starts: Sequence[str]) -> bool:
    """Whether the tokens of each end before each start are those of two others, as the module's text says."""
    after = [part for _, part in _parts(tokenizer, ends[0], starts)]
    for end in ends:
        parts = _parts(tokenizer, end, starts)
        if any(left != parts[0][0] or right != after[k] for k, (left, right) in enumerate(parts)):
            return False
    return True


def _parts(tokenizer: PreTrainedTokenizerBase, text: str, follow: Sequence[str]) -> list[tuple[Ids, Ids]]:
    """The tokens of `text` with each of `follow`: those up to the border between them, and those after it."""
    encoded = encode(tokenizer, [text + part for part in follow])
    counts = [each.before(len(text)) for each in encoded]
    return [(each.ids[:n], each.ids[n:]) for each, n in zip(encoded, counts, strict=True)]


def _last_words(text: str) -> str:
    words = text.rsplit(maxsplit=WORDS)
    return text[len(words[0]) :] if len(words) > WORDS else text


def _first_words(text: str) -> str:
    """The first words, and one character of the next."""
    words = text.split(maxsplit=WORDS)
    return text[: len(text) - len(words[-1]) + 1] if len(words) > WORDS else text


def _choices(query: Example) -> tuple[str, ...]:
    return query.choices or (query.target,)


def _asked(
    tokenizer: PreTrainedTokenizerBase, first: Ids, text: str, queries: Sequence[Example], cut: int = 0
) -> tuple[Query, ...]:
    """The queries as they stand after `first` and `text`, all of it included but for the text's first `cut` tokens."""
    encoded = iter(encode(tokenizer, [text + query.input + part for query in queries for part in _choices(query)]))
    asked = []
    for query in queries:
        whole = [next(encoded) for _ in _choices(query)]
        border = len(text) + len(query.input)
        n = min(_common([each.ids for each in whole]), *(each.before(border) for each in whole))
        if n < cut or (not first and n == cut):
            raise BenchmarkError(
                f"query {query.id}: no token of its input comes before its target: let the target start with a space"
            )
        for each, choice in zip(whole, _choices(query), strict=True):
            if len(each.ids) == n:
                raise BenchmarkError(
                    f"query {query.id}: the target {choice!r} has no token of its own after {query.input[-20:]!r}"
                )
        continuations = tuple(each.ids[n:] for each in whole)
        gold = query.gold if query.choices else 0
        asked.append(Query(query.id, (*first, *whole[0].ids[cut:n]), continuations, gold))
    return tuple(asked)


def _common(sequences: Sequence[Ids]) -> int:
    """How many ids all sequences begin with."""
    low, high = min(sequences), max(sequences)  # what these two share lies in all that are between
    differ = (k for k, (one, other) in enumerate(zip(low, high, strict=False)) if one != other)
    return next(differ, min(len(low), len(high)))


def check_context(
    loaded: LoadedModel, prefixes: Sequence[Prefix], queries: Sequence[Query], generated: int = 0
) -> None:
    """Raises `BenchmarkError` naming a prompt that, its answer included, is longer than the model's context."""
    limit = getattr(loaded.model.config, "max_position_embeddings", None)
    prefix = max(prefixes, key=lambda prefix: len(prefix.ids))
    query = max(queries, key=lambda query: query.longest(generated))
    total = len(prefix.ids) + query.longest(generated)
    if limit is not None and total > limit:
        raise BenchmarkError(
            f"the prompt of candidate {prefix.name or '(none)'} and query {query.name} takes {total} tokens, model "
            f"{loaded.name} holds {limit}: shorten the examples, use fewer shots, or take a model with a longer context"
        )
