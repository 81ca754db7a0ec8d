"""Greedy answers of generative tasks after every prefix, with the gold target's log-probability from the same pass.

    generated = generate(loaded, prefixes, queries, Ending(loaded, stop="\\n", limit=32), budget)

The gold target is fed as a draft: as far as the model's own choice agrees with it, the answer costs no further pass.
From the first token that differs, decoding goes on one token a pass, continuing from the same keys and values, with
all rows of a batch that have not ended. The answer is exactly the greedy one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
from benchmark.quality.context import Past, Run, additive, along, layers
from benchmark.quality.likelihood import Batch, check_finite, check_prompts, query_size
from benchmark.quality.packing import Indices, Pack
from benchmark.quality.prompts import Prefix, Query
from benchmark.quality.sharing import share
from benchmark.quality.trees import Places
from benchmark.tasks.tokens import Ids

AFTER = 0
"""Stands for whatever token follows a target: there is a choice to be read there, and no gold token."""


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
    """The greedy answer to every query after every prefix; the first continuation of a query is its gold target.

    Raises `BenchmarkError` for a prompt that leaves no room for its answer and for a score that is not finite.
    """
    check_prompts(loaded, prefixes, queries, ending.limit)
    scores = np.empty((len(prefixes), len(queries)))
    answer = np.empty((len(prefixes), len(queries)), dtype=np.int64)
    numbers: dict[str, int] = {}

    drafts = [replace(query, continuations=((*query.continuations[0], AFTER),)) for query in queries]

    @cache
    def batch(packs: tuple[Pack, ...]) -> Batch:
        return Batch([[drafts[j] for j in pack] for pack in packs])

    def visit(rows: Indices, packs: tuple[Pack, ...], past: Past | None) -> None:
        chunk = np.array([j for pack in packs for j in pack])
        part = [queries[j] for j in chunk]
        found, texts = _answers(loaded.model, batch(packs), part, len(rows), past, ending)
        scores[np.ix_(rows, chunk)] = found
        given = [numbers.setdefault(text, len(numbers)) for text in texts]
        answer[np.ix_(rows, chunk)] = np.array(given).reshape(len(rows), len(chunk))

    share(loaded.model, prefixes, [query_size(draft) for draft in drafts], budget, visit, label)
    check_finite(loaded, scores, prefixes, queries)
    return Generated(scores, answer, tuple(numbers))


def _answers(
    model: PreTrainedModel, batch: Batch, queries: Sequence[Query], n: int, past: Past | None, ending: Ending
) -> tuple[NDArray[np.float64], list[str]]:
    """log p of the gold targets, [prefix, query], and the answers, prefix by prefix."""
    each, likeliest, run = batch.run(model, n, past, store=True)
    counts = batch.real.sum(1)
    target = np.arange(batch.real.shape[1]) < counts[:, None] - 1  # what follows a target is no part of its score
    scores = torch.where(torch.from_numpy(target).to(each.device), each, 0.0).sum(2).cpu().numpy()
    chosen = likeliest.cpu().numpy()[:, batch.positions]
    gold = np.zeros(target.shape, dtype=np.int64)
    gold[target] = [token for query in queries for token in query.continuations[0]]
    agreed = ((chosen == gold) & target).cumprod(2).sum(2)
    differs = np.take_along_axis(chosen, agreed[..., None], axis=2)[..., 0]
    known = [
        (*queries[j].continuations[0][:same], token)
        for row in zip(agreed.tolist(), differs.tolist(), strict=True)
        for j, (same, token) in enumerate(zip(*row, strict=True))
    ]
    texts = [ending.text(ids) for ids in known]
    pending = [row for row, text in enumerate(texts) if text is None]
    if pending:
        going = _Going.after(run, batch, queries, pending, agreed, past)
        for row, text in zip(pending, _decode(model, [known[row] for row in pending], going, ending), strict=True):
            texts[row] = text
    return scores, [text or "" for text in texts]


@dataclass(frozen=True, slots=True)
class _Going:
    """What answers continue: rows of the past, and paths through the rows of a run, with their true lengths.

    `row` int64 [answer] and `place` int64 [answer, token] of the run's keys and values.
    """

    past: Past | None
    run: Run
    row: Places
    place: Places
    lengths: Places

    @classmethod
    def after(
        cls,
        run: Run,
        batch: Batch,
        queries: Sequence[Query],
        pending: Sequence[int],
        agreed: NDArray[np.int64],
        past: Past | None,
    ) -> _Going:
        """After the input and what `agreed` [prefix, query] says of the target, for the flat indices `pending`."""
        number = np.array([row for row, tree in enumerate(batch.trees) for _ in tree.paths])
        paths = [path for tree in batch.trees for path in tree.paths]
        prefix, query = np.divmod(np.array(pending), len(queries))
        lengths = np.array([len(queries[j].input) for j in query]) + agreed[prefix, query]
        place = np.zeros((len(pending), int(lengths.max())), dtype=np.int64)
        for out, j, length in zip(place, query, lengths, strict=True):
            out[:length] = paths[j][:length]
        row = prefix * len(batch.trees) + number[query]
        return cls(past and Past(past.block, past.index[row]), run, row, place, lengths)


class _Buffer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values with room for the tokens to come, written in place."""

    def __init__(self, going: _Going, number: int, room: int, index: Sequence[Tensor]) -> None:
        super().__init__()
        source = going.run.cache.layers[number]
        parts = [along(part, *index[:2]) for part in (source.keys, source.values)]
        width = going.place.shape[1]
        past = 0 if going.past is None else going.past.width
        if going.past is None:
            shape = (*parts[0].shape[:2], width + room, parts[0].shape[3])
            self.keys, self.values = (part.new_empty(shape) for part in parts)
        else:
            self.keys, self.values = going.past.joined(number, width + room, index[2])
        for out, part in zip((self.keys, self.values), parts, strict=True):
            out[:, :, past : past + width] = part
        self.used: int = past + width
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


def _decode(model: PreTrainedModel, known: Iterable[Ids], going: _Going, ending: Ending) -> list[str]:
    """The answers that start with `known` tokens, the last of which the model has not read yet."""
    answers = [list(ids) for ids in known]
    texts: list[str | None] = [None] * len(answers)
    alive = list(range(len(answers)))
    room = ending.limit - min(map(len, answers))
    device = model.device
    places = [going.row, going.place] + ([] if going.past is None else [going.past.index])
    index = [torch.from_numpy(place).to(device) for place in places]
    buffers = [_Buffer(going, number, room, index) for number in range(layers(model))]
    widths, lengths = [going.place.shape[1]], [going.lengths]
    if going.past is not None:
        widths, lengths = [going.past.width, *widths], [going.past.lengths, *lengths]
    there = [np.arange(width) < length[:, None] for width, length in zip(widths, lengths, strict=True)]
    there.append(np.ones((len(answers), room), dtype=bool))
    mask = additive(torch.from_numpy(np.concatenate(there, axis=1)).to(device), model.dtype)[:, None, None]
    position = torch.from_numpy(np.sum(lengths, axis=0)[:, None]).to(device)
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
        left = [place for place, row in enumerate(alive) if texts[row] is None]
        if len(left) < len(alive):
            rows = torch.tensor(left, device=device, dtype=torch.int64)
            alive = [alive[place] for place in left]
            position, mask = position[rows], mask[rows]
            for buffer in buffers:
                buffer.select(rows)
    return [text or "" for text in texts]
