"""Log-probabilities of continuations after every prefix, summed over all their tokens.

    scores = score(loaded, prefixes, queries, budget)      # [prefix, query, continuation], NaN beyond a query's choices

A query is a tree: its input, from which its continuations branch. Some queries share a row, and one pass over it gives
the first tokens of all choices and what follows them. Only positions that predict a token of a continuation go through
the head; softmax is float32 whatever the model's dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.context import Past, Run, read
from benchmark.quality.packing import Indices, Pack
from benchmark.quality.prompts import Prefix, Query, check_context
from benchmark.quality.sharing import share
from benchmark.quality.trees import Places, Rows, Tree, grow

Scores = NDArray[np.float64]
TOLERANCE, ROUGH = 1e-3, 0.1
"""How far a state may be from that of a plain pass, relative to its norm, in float32 and in 16 bits: rounding."""


def score(
    loaded: LoadedModel, prefixes: Sequence[Prefix], queries: Sequence[Query], budget: Budget, label: str = "scoring"
) -> Scores:
    """log p(continuation | prefix, query input), float64 [prefix, query, continuation], NaN where there is none.

    Raises `BenchmarkError` for a prompt longer than the context and for a score that is not finite, naming both parts.
    """
    check_prompts(loaded, prefixes, queries)
    choices = max(len(query.continuations) for query in queries)
    out = np.full((len(prefixes), len(queries), choices), np.nan)

    @cache
    def batch(packs: tuple[Pack, ...]) -> tuple[Batch, NDArray[np.int64]]:
        place = [(j, c) for pack in packs for j in pack for c in range(len(queries[j].continuations))]
        return Batch([[queries[j] for j in pack] for pack in packs]), np.array(place).T

    def visit(rows: Indices, packs: tuple[Pack, ...], past: Past | None) -> None:
        made, (query, choice) = batch(packs)
        each, *_ = made.run(loaded.model, len(rows), past)
        out[rows[:, None], query, choice] = each.sum(2).cpu().numpy()

    share(loaded.model, prefixes, [query_size(query) for query in queries], budget, visit, label)
    exists = np.array([[c < len(query.continuations) for c in range(choices)] for query in queries])
    check_finite(loaded, np.where(exists, out, 0.0).sum(axis=2), prefixes, queries)
    return out


def query_size(query: Query) -> int:
    """Tokens of a query in its row: the last token of a continuation predicts nothing that is read."""
    return len(query.input) + sum(len(tokens) - 1 for tokens in query.continuations)


class Batch:
    """Rows of packed queries, and where the log-probabilities of their continuations are read.

    `trees` has a path for each continuation but its last token, query by query. `keep` int64 [position]: flat places in
    the rows whose states go through the head; `positions` int64 [continuation, token]: which of them predicts each
    token; `real` bool, whether there is such a token; `tokens` and `slots`: what is read at each, and where it lands.
    """

    def __init__(self, queries: Sequence[Sequence[Query]]) -> None:
        self.trees = [_tree(pack) for pack in queries]
        self.rows = Rows.of(self.trees)
        flat = [(query, tokens) for pack in queries for query in pack for tokens in query.continuations]
        starts = [row * self.rows.ids.shape[1] for row, tree in enumerate(self.trees) for _ in tree.paths]
        paths = [path for tree in self.trees for path in tree.paths]
        read_at = [
            start + path[len(query.input) - 1 :] for start, path, (query, _) in zip(starts, paths, flat, strict=True)
        ]
        self.keep, position = np.unique(np.concatenate(read_at), return_inverse=True)
        counts = np.array([len(tokens) for _, tokens in flat])
        self.real = np.arange(counts.max()) < counts[:, None]
        self.positions, self.slots = (np.zeros(self.real.shape, dtype=np.int64) for _ in range(2))
        slot = _occurrence(position)
        self.tokens = np.zeros((len(self.keep), int(slot.max()) + 1), dtype=np.int64)
        self.tokens[position, slot] = [token for _, tokens in flat for token in tokens]
        self.positions[self.real] = position
        self.slots[self.real] = position * self.tokens.shape[1] + slot

    def run(self, model: PreTrainedModel, n: int, past: Past | None, store: bool = False) -> tuple[Tensor, Tensor, Run]:
        """After each of `n` prefixes: log p of every continuation's tokens, float64 [prefix, continuation, token].

        0 where there is no token. Beside it the likeliest token at every kept position, int64 [prefix, position], and
        the run.
        """
        run = Run(model, self.rows, past, self.keep, store=store)
        device = run.states.device
        tokens, slots, real = (torch.from_numpy(x).to(device) for x in (self.tokens, self.slots, self.real))
        found, likeliest = read(model, run.states, tokens.repeat(n, 1))
        each = found.view(n, -1)[:, slots.flatten()].view(n, *slots.shape).double()
        return torch.where(real, each, 0.0), likeliest.view(n, -1), run


def _tree(queries: Sequence[Query]) -> Tree:
    sequences = [query.input + tokens[:-1] for query in queries for tokens in query.continuations]
    shared = [len(query.input) if c else 0 for query in queries for c in range(len(query.continuations))]
    return grow(sequences, shared)


def _occurrence(values: Places) -> Places:
    """How often each of `values` occurred before it."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    first = np.searchsorted(ranked, ranked)
    out = np.empty(len(values), dtype=np.int64)
    out[order] = np.arange(len(values)) - first
    return out


def check_prompts(
    loaded: LoadedModel, prefixes: Sequence[Prefix], queries: Sequence[Query], generated: int = 0
) -> None:
    """Raises `BenchmarkError` unless every prefix with every query and its answer fits the model."""
    check_context(loaded, prefixes, queries, generated)
    check_ids(loaded, prefixes, queries)
    longest = max(len(prefix.ids) for prefix in prefixes) + max(query.longest(generated) for query in queries)
    check_architecture(loaded.model, longest)
    check_sharing(loaded, prefixes, queries)


@torch.inference_mode()
def check_sharing(loaded: LoadedModel, prefixes: Sequence[Prefix], queries: Sequence[Query]) -> None:
    """Raises `BenchmarkError` unless the longest prompt ends in the same state shared as in one plain pass.

    Shared, it continues its prefix's keys and values and has a sibling in its row. The two differ where what a token
    computes depends on the length of the whole (rotary frequencies that change beyond some length), or where the
    model takes no mask or positions of ours.
    """
    model = loaded.model
    before = max(prefixes, key=lambda prefix: len(prefix.ids)).ids
    query = max(queries, key=Query.longest)
    after = query.input + max(query.continuations, key=len)
    n = len(after) - 1
    tree = grow([(*after[:n], after[0]), after], [0, n])
    problem = "computes something else"
    try:
        past = None
        if before:
            block = Run(model, Rows.of([grow([before], [0])]), store=True).keys_values(np.array([len(before)]))
            past = Past(block, np.zeros(1, dtype=np.int64))
        shared = Run(model, Rows.of([tree]), past, keep=np.array([len(tree) - 1])).states[0].float()
        ids = torch.tensor([before + after], device=model.device)
        plain = getattr(model, model.base_model_prefix)(ids, use_cache=False)[0][0, -1].float()
        near = TOLERANCE if model.dtype == torch.float32 else ROUGH
        if not plain.isfinite().all() or (shared - plain).norm() <= near * plain.norm():
            return
    except torch.OutOfMemoryError:
        return  # what follows finds a batch that fits, or says that there is none
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        problem = f"fails ({(str(error).splitlines() or [''])[0]})"
    config = model.config.get_text_config()
    rope = getattr(config, "rope_parameters", None) or {}
    limit = getattr(config, "original_max_position_embeddings", None) or rope.get("original_max_position_embeddings")
    limited = f"; its frequencies change beyond {limit} tokens: use shorter prompts" if limit else ""
    raise BenchmarkError(
        f"model {loaded.name} ({type(model).__name__}) {problem} where a prompt of {len(before + after)} tokens "
        f"continues a demonstration's keys and values{limited or ': take another model'}"
    )


def check_architecture(model: PreTrainedModel, longest: int) -> None:
    """Raises `BenchmarkError` for a model whose attention is not over all tokens before, in prompts up to `longest`."""
    kinds = set(getattr(model.config, "layer_types", None) or ())
    window = getattr(model.config, "sliding_window", None)
    if kinds - {"full_attention", "sliding_attention"}:
        raise BenchmarkError(
            f"{type(model).__name__} has layers other than attention ({', '.join(sorted(kinds))}): take another model"
        )
    if window is not None and longest > window and (not kinds or "sliding_attention" in kinds):
        raise BenchmarkError(
            f"{type(model).__name__} sees {window} tokens back, the longest prompt has {longest}: use shorter prompts"
        )


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
