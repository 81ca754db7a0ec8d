"""Greedy answers of generative tasks behind every prefix, with the gold target's log-probability from the same pass.

    generated = generate(loaded, prefixes, queries, Ending(loaded, stop="\\n", limit=32), budget)

The gold target is fed as a draft: as far as the model's own choice agrees with it, the answer costs no further pass.
From the first token that differs, decoding goes on one token a pass, continuing from the same keys and values, with
all rows of a batch that have not ended. The answer is exactly the greedy one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, CacheLayerMixin

from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.batching import Indices
from benchmark.quality.context import Block, Level, additive, extend, join, layers, seen, visible
from benchmark.quality.likelihood import check_finite, check_prompts, log_probabilities, span
from benchmark.quality.prompts import Prefix, Query
from benchmark.quality.sharing import pad, share
from benchmark.tasks.tokens import Ids


class Ending:
    """Where an answer ends: before `stop`, at an end-of-sequence token, or after `limit` tokens."""

    def __init__(self, loaded: LoadedModel, stop: str, limit: int) -> None:
        if limit < 1:
            raise BenchmarkError(f"max_new_tokens is {limit}: an answer takes at least 1")
        self.tokenizer, self.stop, self.limit = loaded.tokenizer, stop, limit
        configured = getattr(loaded.model.generation_config, "eos_token_id", None)
        ends = configured if isinstance(configured, list) else [configured]
        self.ends = {end for end in (*ends, loaded.tokenizer.eos_token_id) if end is not None}
        self.text = cache(self._text)
        self._may_stop = cache(self._token_may_stop)

    def _text(self, ids: Ids) -> str | None:
        """The answer that `ids` hold, or None if it has not ended. Memoised as `text`."""
        ids = ids[: self.limit]
        end = next((k for k, token in enumerate(ids) if token in self.ends), None)
        whole = end is not None or len(ids) == self.limit
        if not whole and not any(map(self._may_stop, ids)):
            return None
        text: str = self.tokenizer.decode(ids[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if self.stop and self.stop in text:
            return text.split(self.stop)[0]
        return text if whole else None

    def _token_may_stop(self, token: int) -> bool:
        """Whether an occurrence of `stop` can end in this token; decoding every answer at every step would be slow."""
        text = self.tokenizer.decode([token], clean_up_tokenization_spaces=False)
        # a lone token may lose its space, or hold a part of a character
        return bool(self.stop) and (
            self.stop[-1] in text or self.stop[-1] == " " or "\N{REPLACEMENT CHARACTER}" in text
        )


@dataclass(frozen=True, slots=True)
class Generated:
    """`log_probability` of the gold target, float64 [prefix, query]; `answer` int64 [prefix, query] indexes `texts`."""

    log_probability: NDArray[np.float64]
    answer: NDArray[np.int64]
    texts: tuple[str, ...]


def generate(
    loaded: LoadedModel,
    prefixes: Sequence[Prefix],
    queries: Sequence[Query],
    ending: Ending,
    budget: Budget,
    label: str = "generating",
) -> Generated:
    """The greedy answer to every query behind every prefix; the first continuation of a query is its gold target.

    Raises `BenchmarkError` for a prompt that leaves no room for its answer and for a score that is not finite.
    """
    check_prompts(loaded, prefixes, queries, ending.limit)
    scores = np.empty((len(prefixes), len(queries)))
    answer = np.empty((len(prefixes), len(queries)), dtype=np.int64)
    numbers: dict[str, int] = {}

    def visit(rows: Indices, chunk: Indices, levels: tuple[Level, ...]) -> None:
        part = [queries[j] for j in chunk]
        found, texts = _answers(loaded.model, part, len(rows), levels, ending)
        scores[np.ix_(rows, chunk)] = found
        given = [numbers.setdefault(text, len(numbers)) for text in texts]
        answer[np.ix_(rows, chunk)] = np.array(given).reshape(len(rows), len(chunk))

    lengths = [len(query.input) + len(query.continuations[0]) for query in queries]
    share(loaded.model, prefixes, lengths, budget, visit, label)
    check_finite(loaded, scores, prefixes, queries)
    return Generated(scores, answer, tuple(numbers))


def _answers(
    model: PreTrainedModel, queries: Sequence[Query], n: int, levels: Sequence[Level], ending: Ending
) -> tuple[NDArray[np.float64], list[str]]:
    """log p of the gold targets, [prefix, query], and the answers, prefix by prefix."""
    targets = [query.continuations[0] for query in queries]
    ids, lengths = pad(model, [query.input + target for query, target in zip(queries, targets, strict=True)])
    counts = torch.tensor([len(target) + 1 for target in targets], device=ids.device)
    keep = span(ids, [len(query.input) - 1 for query in queries], counts.tolist())
    draft = extend(model, ids.repeat(n, 1), lengths.repeat(n), levels, keep=keep.repeat(n, 1), store=True)
    # the position behind a target predicts what follows it: it has a choice, but no gold token
    tokens = torch.tensor([token for target in targets for token in (*target, 0)], device=ids.device).repeat(n)
    position = torch.arange(int(counts.max()), device=ids.device)
    each = tokens.new_zeros((n, *keep.shape[:1], len(position)), dtype=torch.float64)
    chosen, gold = torch.full_like(each, -1, dtype=torch.int64), torch.full_like(each, -2, dtype=torch.int64)
    real = position < counts[:, None]
    each[:, real] = log_probabilities(draft.logits, tokens[:, None]).double().view(n, -1)
    chosen[:, real] = draft.logits.argmax(1).view(n, -1)
    gold[:, real] = tokens.view(n, -1)
    target = position < counts[:, None] - 1
    agreed = ((chosen == gold) & target).long().cumprod(2).sum(2)
    differs = chosen.gather(2, agreed[..., None])[..., 0]
    known = [
        (*queries[j].continuations[0][:same], token)
        for row in zip(agreed.tolist(), differs.tolist(), strict=True)
        for j, (same, token) in enumerate(zip(*row, strict=True))
    ]
    texts = [ending.text(ids) for ids in known]
    pending = [row for row, text in enumerate(texts) if text is None]
    if pending and draft.block is not None:
        index = torch.tensor(pending, device=ids.device)
        inputs = torch.tensor([len(query.input) for query in queries], device=ids.device).repeat(n)
        agreed_on = Block(draft.block.keys, draft.block.values, inputs + agreed.flatten())
        path = (*(Level(level.block, index // len(queries)) for level in levels), Level(agreed_on, index))
        for row, text in zip(pending, _decode(model, [known[row] for row in pending], path, ending), strict=True):
            texts[row] = text
    return torch.where(target, each, 0.0).sum(2).cpu().numpy(), [text or "" for text in texts]


class _Buffer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values with room for the tokens to come, written in place."""

    def __init__(self, levels: Sequence[Level], number: int, room: int) -> None:
        super().__init__()
        self.keys, self.values = join(levels, number, len(levels[-1].lengths(0)), room)
        self.used = self.keys.shape[2] - room
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        self.keys[:, :, self.used : self.used + 1] = key_states
        self.values[:, :, self.used : self.used + 1] = value_states
        self.used += 1
        return self.keys[:, :, : self.used], self.values[:, :, : self.used]

    def select(self, rows: Tensor) -> None:
        self.keys, self.values = self.keys.index_select(0, rows), self.values.index_select(0, rows)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.used + query_length, 0

    def get_seq_length(self) -> int:
        return self.used

    def get_max_length(self) -> int:
        return int(self.keys.shape[2])


def _decode(model: PreTrainedModel, known: Iterable[Ids], levels: Sequence[Level], ending: Ending) -> list[str]:
    """The answers that start with `known` tokens, the last of which has not been fed behind `levels` yet."""
    answers = [list(ids) for ids in known]
    texts: list[str | None] = [None] * len(answers)
    alive = list(range(len(answers)))
    room = ending.limit - min(map(len, answers))
    buffers = [_Buffer(levels, number, room) for number in range(layers(model))]
    device = model.device
    past = visible(levels, len(answers))
    mask = additive(torch.cat([past, past.new_ones(len(answers), room)], dim=1), model.dtype)[:, None, None]
    position = seen(levels, len(answers))[:, None]
    while alive:
        output = model(
            input_ids=torch.tensor([[answers[row][-1]] for row in alive], device=device),
            attention_mask=mask[..., : buffers[0].used + 1],
            position_ids=position,
            past_key_values=Cache(layers=buffers),
            use_cache=True,
        )
        for row, token in zip(alive, output.logits[:, -1].argmax(1).tolist(), strict=True):
            answers[row].append(token)
            texts[row] = ending.text(tuple(answers[row]))
        position = position + 1
        going = [place for place, row in enumerate(alive) if texts[row] is None]
        if len(going) < len(alive):
            rows = torch.tensor(going, device=device, dtype=torch.int64)
            alive = [alive[place] for place in going]
            position, mask = position[rows], mask[rows]
            for buffer in buffers:
                buffer.select(rows)
    return [text or "" for text in texts]
