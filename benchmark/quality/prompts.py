"""What a prompt is made of, as token ids: a start, demonstrations' blocks, and a query with what may follow it.

    prompt = start + block of each demonstration + query.input + one of query.continuations

Every part is tokenized as it stands in the prompt and by itself; `check_boundaries` proves on a sample that
tokenizing a whole prompt would give the same ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.errors import BenchmarkError
from benchmark.tasks.tokens import check_boundary, tokenize

if TYPE_CHECKING:
    from benchmark.models.loading import LoadedModel
    from benchmark.tasks.dataset import Dataset
    from benchmark.tasks.example import Example

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Prefix:
    """What stands before a query: `name` tells it in error messages."""

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


def start(loaded: LoadedModel) -> Ids:
    """BOS, if prompts of this model start with it."""
    if not loaded.add_bos:
        return ()
    bos = loaded.tokenizer.bos_token_id
    if bos is None:
        raise BenchmarkError(f"model {loaded.name} needs BOS, but its tokenizer has none: set add_bos to false")
    return (int(bos),)


def block(loaded: LoadedModel, example: Example, separator: str) -> Ids:
    """A demonstration: input, target and separator."""
    return tokenize(loaded.tokenizer, example.input, example.target, suffix=separator).ids


def query(loaded: LoadedModel, example: Example) -> Query:
    """The query that `example` poses; raises `BenchmarkError` where its choices share no input."""
    texts = example.choices or (example.target,)
    tokens = [tokenize(loaded.tokenizer, example.input, text) for text in texts]
    shared = min(part.n_input for part in tokens)
    inputs = {part.ids[:shared] for part in tokens}
    if shared == 0 or len(inputs) > 1:
        raise BenchmarkError(
            f"query {example.id}: no token of its input comes before its target: let the target start with a space"
        )
    gold = example.gold if example.choices else 0
    return Query(example.id, inputs.pop(), tuple(part.ids[shared:] for part in tokens), gold)


def prefixes(loaded: LoadedModel, dataset: Dataset, members: Iterable[Sequence[int]]) -> list[Prefix]:
    """One prefix for each row of pool indices, its demonstrations in that order."""
    first = start(loaded)
    blocks: dict[int, Ids] = {}
    rows = []
    for row in members:
        indices = [int(index) for index in row]
        for index in indices:
            if index not in blocks:
                blocks[index] = block(loaded, dataset.pool[index], dataset.separator)
        name = " + ".join(dataset.pool[index].id for index in indices)
        rows.append(Prefix(name, sum((blocks[index] for index in indices), first)))
    return rows


def check_boundaries(loaded: LoadedModel, dataset: Dataset, sample: int = 8) -> None:
    """Raises `BenchmarkError` if a token crosses from a demonstration into what follows it, on an even sample."""
    for part in (dataset.pool, dataset.queries):
        step = max(1, len(part) // sample)
        for left, right in zip(dataset.pool, part[::step], strict=False):
            check_boundary(loaded.tokenizer, left.input + left.target + dataset.separator, right.input + right.target)


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
