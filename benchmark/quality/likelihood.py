"""Log-probabilities of continuations behind every prefix, summed over all their tokens.

    scores = score(loaded, prefixes, queries, budget)      # [prefix, query, continuation], NaN beyond a query's choices

A query with one continuation takes one pass. The choices of a query share its input as well: their first tokens are
read off one distribution, what follows branches from the query's keys and values. Only positions that predict a token
of a continuation go through the head; softmax is float32 whatever the model's dtype.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.batching import Indices, slices
from benchmark.quality.context import Block, Level, check_architecture, extend
from benchmark.quality.prompts import Prefix, Query, check_context
from benchmark.quality.sharing import pad, share
from benchmark.tasks.tokens import Ids

Scores = NDArray[np.float64]


def score(
    loaded: LoadedModel, prefixes: Sequence[Prefix], queries: Sequence[Query], budget: Budget, label: str = "scoring"
) -> Scores:
    """log p(continuation | prefix, query input), float64 [prefix, query, continuation], NaN where there is none.

    Raises `BenchmarkError` for a prompt longer than the context and for a score that is not finite, naming both parts.
    """
    check_prompts(loaded, prefixes, queries)
    choices = max(len(query.continuations) for query in queries)
    out = np.full((len(prefixes), len(queries), choices), np.nan)

    def visit(rows: Indices, chunk: Indices, levels: tuple[Level, ...]) -> None:
        part = [queries[j] for j in chunk]
        scores = run(loaded.model, part, len(rows), levels, budget).cpu().numpy()
        out[rows[:, None], chunk, : scores.shape[2]] = scores

    run = _straight if choices == 1 else _branching
    lengths = [len(query.input) + (len(query.continuations[0]) - 1 if choices == 1 else 0) for query in queries]
    share(loaded.model, prefixes, lengths, budget, visit, label)
    exists = np.array([[c < len(query.continuations) for c in range(choices)] for query in queries])
    check_finite(loaded, np.where(exists, out, 0.0).sum(axis=2), prefixes, queries)
    return out


def _straight(model: PreTrainedModel, queries: Sequence[Query], n: int, levels: Sequence[Level], _: Budget) -> Tensor:
    targets = [query.continuations[0] for query in queries]
    ids, lengths = pad(model, [query.input + target[:-1] for query, target in zip(queries, targets, strict=True)])
    keep = span(ids, [len(query.input) - 1 for query in queries], [len(target) for target in targets])
    logits = extend(model, ids.repeat(n, 1), lengths.repeat(n), levels, keep=keep.repeat(n, 1)).logits
    return summed(logits, targets, n)[..., None]


def _branching(
    model: PreTrainedModel, queries: Sequence[Query], n: int, levels: Sequence[Level], budget: Budget
) -> Tensor:
    ids, lengths = pad(model, [query.input for query in queries])
    branches = [
        (j, c, tokens)
        for j, query in enumerate(queries)
        for c, tokens in enumerate(query.continuations)
        if len(tokens) > 1
    ]
    keep = span(ids, [len(query.input) - 1 for query in queries], [1] * len(queries))
    trunk = extend(model, ids.repeat(n, 1), lengths.repeat(n), levels, keep=keep.repeat(n, 1), store=bool(branches))
    first, _ = pad(model, [tuple(ids[0] for ids in query.continuations) for query in queries])
    scores = log_probabilities(trunk.logits, first.repeat(n, 1)).double().view(n, len(queries), -1)
    for j, query in enumerate(queries):
        scores[:, j, len(query.continuations) :] = torch.nan
    if trunk.block is not None:
        longest = max(len(tokens) for *_, tokens in branches)
        for some in slices(len(branches), longest, budget):
            for part in slices(n, len(branches[some]) * longest, budget):
                owners, numbers, rest = (list(column) for column in zip(*branches[some], strict=True))
                gain = _branch(model, rest, owners, part, levels, trunk.block, len(queries), budget)
                scores[part, owners, numbers] += gain
    return scores


def _branch(
    model: PreTrainedModel,
    continuations: Sequence[Ids],
    queries: Sequence[int],
    part: slice,
    levels: Sequence[Level],
    trunk: Block,
    n_queries: int,
    budget: Budget,
) -> Tensor:
    """log p of all tokens but the first of some continuations behind the prefixes in `part`: [prefix, continuation]."""
    n = part.stop - part.start
    ids, lengths = pad(model, [tokens[:-1] for tokens in continuations])
    prefix = torch.arange(part.start, part.stop, device=ids.device)[:, None]
    rows = (prefix * n_queries + torch.tensor(queries, device=ids.device)).flatten()
    path = (*(Level(level.block.cut(part)) for level in levels), Level(trunk, rows))
    keep = span(ids, [0] * len(continuations), lengths.tolist())
    logits = extend(model, ids.repeat(n, 1), lengths.repeat(n), path, keep=keep.repeat(n, 1)).logits
    budget.count(n * int(lengths.sum()), n * ids.numel())
    return summed(logits, [tokens[1:] for tokens in continuations], n)


def span(ids: Tensor, starts: Sequence[int], counts: Sequence[int]) -> Tensor:
    """bool [row, token], the shape of `ids`: `counts[r]` positions of row r from `starts[r]` on."""
    positions = torch.arange(ids.shape[1], device=ids.device)
    first = torch.tensor(starts, device=ids.device)[:, None]
    return (positions >= first) & (positions < first + torch.tensor(counts, device=ids.device)[:, None])


def log_probabilities(logits: Tensor, tokens: Tensor) -> Tensor:
    """float32 log-softmax of `logits` [position, vocabulary] at `tokens` [position, token]."""
    logits = logits.float()
    return logits.gather(1, tokens) - logits.logsumexp(1, keepdim=True)


def summed(logits: Tensor, targets: Sequence[Ids], n: int) -> Tensor:
    """log p of whole targets, float64 [prefix, target]; `logits` [prefix * tokens of all targets, vocabulary]."""
    counts = torch.tensor([len(target) for target in targets], device=logits.device)
    tokens = torch.tensor([token for target in targets for token in target], device=logits.device)
    each = log_probabilities(logits, tokens.repeat(n)[:, None]).double().view(n, -1)
    padded = each.new_zeros(n, len(targets), int(counts.max()))
    padded[:, torch.arange(padded.shape[2], device=logits.device) < counts[:, None]] = each
    return padded.sum(2)  # a sum in a fixed order, unlike index_add on CUDA


def check_prompts(
    loaded: LoadedModel, prefixes: Sequence[Prefix], queries: Sequence[Query], generated: int = 0
) -> None:
    """Raises `BenchmarkError` unless every prefix with every query and its answer fits the model."""
    check_context(loaded, prefixes, queries, generated)
    check_ids(loaded, prefixes, queries)
    longest = max(len(prefix.ids) for prefix in prefixes) + max(query.longest(generated) for query in queries)
    check_architecture(loaded.model, longest)


def check_ids(loaded: LoadedModel, prefixes: Sequence[Prefix], queries: Sequence[Query]) -> None:
    """Raises `BenchmarkError` naming a prompt with a token id beyond the model's embedding."""
    rows = loaded.model.get_input_embeddings().weight.shape[0]
    named = [("candidate", prefix.name or "(none)", prefix.ids) for prefix in prefixes]
    named += [("query", query.name, sum(query.continuations, query.input)) for query in queries]
    for kind, name, ids in named:
        if ids and max(ids) >= rows:
            raise BenchmarkError(
                f"{kind} {name} has the token {loaded.tokenizer.convert_ids_to_tokens(max(ids))!r} ({max(ids)}), and "
                f"model {loaded.name} has {rows} embeddings: this tokenizer is of another model"
            )


def check_finite(loaded: LoadedModel, scores: Scores, prefixes: Sequence[Prefix], queries: Sequence[Query]) -> None:
    """Raises `BenchmarkError` naming the first of `scores` [prefix, query] that is no number."""
    bad = np.argwhere(~np.isfinite(scores))
    if len(bad):
        prefix, query = prefixes[bad[0, 0]].name or "(none)", queries[bad[0, 1]].name
        raise BenchmarkError(
            f"model {loaded.name} gives candidate {prefix} and query {query} a log-probability of "
            f"{scores[tuple(bad[0])]} ({len(bad)} such): check its weights, or use dtype float32"
        )
