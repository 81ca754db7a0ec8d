"""The forward passes that a stage will make, from token lengths alone, through the code that groups the real ones.

passes = extraction_passes(lengths, [C, ITSELF], token_budget=4096, shard=100)
work = total(passes)
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.activations.attention import ISOLATED, ITSELF, C, Rule, rules_together
from benchmark.activations.batching import length_batches
from benchmark.activations.distinct import ROWS
from benchmark.artefacts.prompts import Prompt
from benchmark.models.budget import Budget
from benchmark.planning.lengths import Lengths
from benchmark.quality.asking import arrange
from benchmark.quality.packing import chunks, groups, pack_width, packs, slices

Counts = NDArray[np.int64]
DISTINCT = 0.4
"""Distinct ones among the tokens of a batch of real sentences, about [ours]."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One forward pass: `rows` of `tokens` each, padding included, after `past` tokens that are there already.

    `logits` positions of all rows together go through the head; the last layer's MLP sees no others, unless `whole`.
    `times`: how often such a pass is made.
    """

    rows: int
    tokens: int
    past: int = 0
    logits: int = 0
    times: float = 1
    decoding: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """Sums over passes; `pairs` are (query token, key) pairs of attention, `decoded` tokens come one a pass.

    `last` tokens go through the last layer's MLP, the others only through those before it.
    """

    prompts: int = 0
    passes: int = 0
    tokens: int = 0
    pairs: int = 0
    logits: int = 0
    last: int = 0
    decoded: int = 0


def total(passes: Iterable[Pass], prompts: int = 0) -> Work:
    """The sums; `prompts` is what the stage counts as such (candidates, or candidate-query pairs)."""
    count = tokens = pairs = logits = last = decoded = 0.0
    for each in passes:
        new = each.rows * each.tokens * each.times
        count += each.times
        tokens += new
        pairs += new * (each.past + each.tokens)
        logits += each.logits * each.times
        last += new if each.whole else each.logits * each.times
        decoded += new if each.decoding else 0
    return Work(prompts, *map(round, (count, tokens, pairs, logits, last, decoded)))


def extraction_passes(
    lengths: Lengths, rules: Collection[Rule], token_budget: int, shard: int, *, apart: bool = True
) -> Iterator[Pass]:
    """The passes of every batch of candidates under `rules`; no position goes through the head.

    `apart`: the model lets distinct tokens and targets be computed once; how many are distinct is a guess.
    """
    sizes = lengths.bos + lengths.pool_input + lengths.pool_target
    for start in range(0, len(sizes), shard):
        part = sizes[start : start + shard].tolist()
        for batch in length_batches(part, token_budget):
            rows, width = len(batch), max(part[index] for index in batch)
            masked = [rule for rule in rules if rule != C]
            if C in rules:
                yield Pass(rows, width, whole=True)
            if apart and ITSELF in masked:
                masked.remove(ITSELF)
                yield Pass(math.ceil(DISTINCT * sum(part[index] for index in batch)), 1, whole=True)
            if apart and C in rules and ISOLATED in masked:
                masked.remove(ISOLATED)
                targets = lengths.pool_target[start : start + shard]
                few = lengths.kind == "classification"
                yield Pass(ROWS if few else rows, max(int(targets[index]) for index in batch), whole=True)
            together = rules_together(rows * width, token_budget)
            for first in range(0, len(masked), together):
                yield Pass(rows * len(masked[first : first + together]), width, whole=True)


def scoring_passes(
    lengths: Lengths,
    prefixes: Counts,
    query_indices: Sequence[int] | None = None,
    *,
    hidden: int,
    token_budget: int,
    shard: int,
    sample: int | None = None,
) -> Iterator[Pass]:
    """Queries after every prefix; `prefixes` are tokens [prefix], `shard` of them are scored at a time.

    With `sample`, that many shards are walked, evenly spaced, and stand for the others.
    """
    chosen = range(len(lengths.query_input)) if query_indices is None else query_indices
    inputs = lengths.query_input[np.asarray(chosen, dtype=np.int64)]
    continuations = [lengths.continuations[index] for index in chosen]
    generated = lengths.max_new_tokens if lengths.kind == "generative" else 0
    parts = [prefixes[start : start + shard] for start in range(0, len(prefixes), shard)]
    walked = parts if sample is None else parts[:: -(-len(parts) // sample)]
    scale = len(prefixes) / sum(map(len, walked))
    for part in walked:
        for each in _share(part, inputs, continuations, generated, pack_width(hidden), Budget(token_budget)):
            yield each if scale == 1 else replace(each, times=each.times * scale)


def set_prefixes(lengths: Lengths, size: int, count: int) -> Counts:
    """Tokens of `count` random sets of `size` demonstrations (the draw is not the run's, its size is)."""
    generator = np.random.default_rng(0)
    size = min(size, len(lengths.block))
    members = np.stack([generator.permutation(len(lengths.block))[:size] for _ in range(count)])
    return np.asarray(lengths.bos + lengths.block[members].sum(axis=1), dtype=np.int64)


def uncertainty_passes(lengths: Lengths, token_budget: int, hidden: int) -> Iterator[Pass]:
    """Candidates as queries without a demonstration, and their inputs once more with logits at every position."""
    inputs = lengths.pool_input
    start = np.array([lengths.bos], dtype=np.int64)
    yield from _share(start, inputs, list(lengths.pool_continuations), 0, pack_width(hidden), Budget(token_budget))
    sizes = lengths.bos + inputs
    for part in chunks(sizes.tolist(), 1, Budget(token_budget)):  # the last position's logits are read twice
        yield Pass(len(part), int(sizes[part].max()), logits=int(sizes[part].sum()))
        yield Pass(len(part), 0, logits=len(part), whole=True)


def answering_passes(lengths: Lengths, prompts: Sequence[Prompt], token_budget: int, hidden: int) -> Iterator[Pass]:
    """What selectors want said, in the order of `quality.asking`."""

    def walk(prefix: int, inputs: Sequence[int], continuations: Sequence[tuple[int, ...]]) -> Iterator[Pass]:
        starts, sizes = (np.array(values, dtype=np.int64) for values in ([lengths.bos + prefix], inputs))
        return _share(starts, sizes, continuations, 0, pack_width(hidden), Budget(token_budget))

    before = [int(lengths.block[list(prompt.members)].sum()) for prompt in prompts]
    sizes, choices = [], []
    for prompt in prompts:
        of_pool = prompt.of == "pool"
        sizes.append(int((lengths.pool_input if of_pool else lengths.query_input)[prompt.asked]))
        choices.append((lengths.pool_continuations if of_pool else lengths.continuations)[prompt.asked])
    shared, alone, inputs = arrange(prompts)
    for rows in shared:
        yield from walk(before[rows[0]], [sizes[row] for row in rows], [choices[row] for row in rows])
    for rows in alone:
        yield from walk(0, [before[row] + sizes[row] for row in rows], [choices[row] for row in rows])
    if inputs:
        yield from walk(0, [before[rows[0]] for rows in inputs], [tuple(sizes[row] for row in rows) for rows in inputs])


def _share(
    prefixes: Counts,
    inputs: Counts,
    continuations: Sequence[tuple[int, ...]],
    generated: int,
    width: int,
    budget: Budget,
) -> Iterator[Pass]:
    fed = [sum(entry) - (0 if generated else len(entry)) for entry in continuations]
    sizes = (inputs + np.array(fed, dtype=np.int64)).tolist()
    together = packs(sizes, min(width, budget.tokens))
    widths = [sum(sizes[query] for query in pack) for pack in together]
    for group in groups(prefixes.tolist(), budget):
        if prefixes[group].any():
            yield Pass(len(group), int(prefixes[group].max()))
        for chunk in chunks(widths, len(group), budget):
            tokens = max(widths[k] for k in chunk)
            asked = [query for k in chunk for query in together[k]]
            for part in slices(len(group), len(chunk) * tokens, budget):
                rows = group[part]
                past = int(prefixes[rows].max())
                yield Pass(len(rows) * len(chunk), tokens, past, len(rows) * sum(fed[query] + 1 for query in asked))
                if generated:
                    most = max(sizes[query] for query in asked)
                    yield from _decoding(len(rows) * len(asked), most, past, continuations, asked, generated)


def _decoding(
    rows: int, tokens: int, past: int, continuations: Sequence[tuple[int, ...]], chunk: Sequence[int], limit: int
) -> Iterator[Pass]:
    """Answers are taken to be as long as the targets, and the longest of a batch to run to the limit [ours].

    How long a model's answers really are is known only afterwards.
    """
    answer = min(limit, round(np.mean([continuations[query][0] for query in chunk])))
    if answer:
        yield Pass(rows, 1, past + tokens, rows, times=answer, decoding=True)
    if limit > answer:
        yield Pass(1, 1, past + tokens, 1, times=limit - answer, decoding=True)
