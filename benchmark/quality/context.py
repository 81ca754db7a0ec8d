"""Forward passes over rows of trees that continue from keys and values computed before, shared by many rows.

    prefixes = Run(model, rows).keys_values()            # each prefix once
    run = Run(model, rows, Past(prefixes, index), keep)  # row r continues prefix index[r]
    run.states                                           # of the positions in `keep`, on their way to the head

A prompt is a path through a tree (prefix, query, choice), and every token on it is computed once. A pass joins the keys
and values of the past, layer by layer, with its own: one copy, freed with the layer. Positions and the mask follow from
the places in the tree. All that decides shapes is kept on the CPU: a pass waits for nothing on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache, CacheLayerMixin
from transformers.modeling_outputs import BaseModelOutputWithPast

from benchmark.quality.narrowing import narrowed
from benchmark.quality.trees import Places, Rows

if TYPE_CHECKING:
    from transformers import PreTrainedModel

HEAD = 2**24
"""Numbers of the logits that are held at a time: 64 MiB in float32."""


@dataclass(frozen=True, slots=True)
class KeysValues:
    """Keys and values, per layer [row, KV head, token, head dim], right-padded; `lengths` int64 [row], on the CPU."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    lengths: Places

    def cut(self, rows: slice) -> KeysValues:
        """A view of some rows, without padding that none of them needs."""
        lengths = self.lengths[rows]
        longest = int(lengths.max())
        keys, values = (tuple(layer[rows, :, :longest] for layer in part) for part in (self.keys, self.values))
        return KeysValues(keys, values, lengths)

    def paths(self, rows: Places, places: Places, lengths: Places) -> KeysValues:
        """Those at `places` [path, token] of `rows` [path]: sequences of `lengths` tokens out of trees."""
        device = self.keys[0].device
        row, place = (torch.from_numpy(x).to(device) for x in (rows, places))
        keys, values = (tuple(along(layer, row, place) for layer in part) for part in (self.keys, self.values))
        return KeysValues(keys, values, lengths)


def along(layer: Tensor, row: Tensor, place: Tensor) -> Tensor:
    """One layer's keys or values at `place` [path, token] of `row` [path]: [path, KV head, token, head dim]."""
    return layer[row[:, None], :, place].transpose(1, 2)


@dataclass(frozen=True, slots=True)
class Past:
    """What the rows of a pass continue: row r continues row `index[r]` of `block`, int64 [row], on the CPU."""

    block: KeysValues
    index: Places

    @property
    def width(self) -> int:
        """Tokens of a row, padding included."""
        return int(self.block.keys[0].shape[2])

    @property
    def lengths(self) -> Places:
        return self.block.lengths[self.index]

    def joined(self, layer: int, room: int, index: Tensor) -> tuple[Tensor, Tensor]:
        """One layer's keys and values, [row, head, token, head dim], with room for more tokens after them."""
        made = []
        for source in (self.block.keys[layer], self.block.values[layer]):
            out = source.new_empty(len(index), source.shape[1], self.width + room, source.shape[3])
            out[:, :, : self.width] = source.index_select(0, index)
            made.append(out)
        return made[0], made[1]


class _Layer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's cache: answers the attention's update with the past's keys and values before the new ones."""

    def __init__(self, past: Past | None, index: Tensor | None, number: int, store: bool) -> None:
        super().__init__()
        self.past, self.index, self.number, self.store = past, index, number, store
        self.width = 0 if past is None else past.width

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if self.store:
            self.keys, self.values = key_states, value_states
        if self.past is None or self.index is None:
            return key_states, value_states
        keys, values = self.past.joined(self.number, key_states.shape[2], self.index)
        keys[:, :, self.width :] = key_states
        values[:, :, self.width :] = value_states
        return keys, values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.width + query_length, 0

    def get_seq_length(self) -> int:
        return self.width

    def get_max_length(self) -> int:
        return -1


class Run:
    """A pass over `rows`, each repeated for `repeats` consecutive rows of the past, prefix by prefix.

    `states` [kept, hidden] are those at `keep` (flat places in rows, int64, once for each repeat), before the head.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        rows: Rows,
        past: Past | None = None,
        keep: Places | None = None,
        store: bool = False,
    ) -> None:
        device = model.device
        count = 1 if past is None else len(past.index) // len(rows.ids)
        ids, depth, end = (torch.from_numpy(x).to(device) for x in (rows.ids, rows.depth, rows.end))
        own = visible(end).repeat(count, 1, 1)
        index = lengths = None
        if past is not None:
            index, lengths = (torch.from_numpy(x).to(device) for x in (past.index, past.lengths))
        self.cache = Cache(layers=[_Layer(past, index, number, store) for number in range(layers(model))])
        positions = depth.repeat(count, 1)
        mask = None if past is None and rows.plain else own
        if past is not None and lengths is not None:
            before = torch.arange(past.width, device=device) < lengths[:, None]
            mask = torch.cat([before[:, None].expand(-1, own.shape[1], -1), own], dim=2)
            positions = positions + lengths[:, None]
        kept = np.empty(0, dtype=np.int64) if keep is None else keep
        kept = (np.arange(count)[:, None] * rows.ids.size + kept).reshape(-1)
        flat = torch.from_numpy(kept).to(device)
        base = getattr(model, model.base_model_prefix)
        with narrowed(model, flat):
            states = base(
                input_ids=ids.repeat(count, 1),
                attention_mask=None if mask is None else additive(mask, model.dtype)[:, None],
                position_ids=positions,
                past_key_values=self.cache,
                use_cache=True,
            )[0]
        self.states = states.flatten(0, 1).index_select(0, flat)

    def keys_values(self, lengths: Places) -> KeysValues:
        """Of the rows' own tokens, where they were to be stored."""
        cache = self.cache.layers
        return KeysValues(tuple(x.keys for x in cache), tuple(x.values for x in cache), lengths)


def visible(end: Tensor) -> Tensor:
    """bool [row, token, key]: which tokens of its row a token attends to, from `end` int64 [row, key]."""
    place = torch.arange(end.shape[1], device=end.device)
    return (place <= place[:, None]) & (place[:, None] < end[:, None, :])


def additive(allowed: Tensor, dtype: torch.dtype) -> Tensor:
    """0 where attention is allowed, the lowest number of `dtype` elsewhere (a mask that every attention takes)."""
    return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(~allowed, torch.finfo(dtype).min)


def layers(model: PreTrainedModel) -> int:
    return int(model.config.get_text_config().num_hidden_layers)


class _States(BaseModelOutputWithPast):  # type: ignore[misc]
    """States, and None for whatever else a model's head may look for (cross attentions, a router's choices)."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


class _Given(nn.Module):
    """Stands in for a model without its head, and answers with states that are there already."""

    def __init__(self, states: Tensor) -> None:
        super().__init__()
        self.states = states

    @property
    def decoder(self) -> _Given:
        return self

    def forward(self, *args: Any, **kwargs: Any) -> _States:
        return _States(last_hidden_state=self.states[None])


@contextmanager
def _standing_in(model: PreTrainedModel, given: _Given) -> Iterator[None]:
    name = model.base_model_prefix
    base = getattr(model, name)
    setattr(model, name, given)
    try:
        yield
    finally:
        setattr(model, name, base)


def logits(model: PreTrainedModel, states: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """The head's logits of `states` [position, hidden] in parts of at most `HEAD` numbers: (positions, float32).

    The model's own code computes them, with whatever it does to them after the last product.
    """
    step = max(1, HEAD // int(model.config.get_text_config().vocab_size))
    ids = torch.zeros((1, 1), dtype=torch.int64, device=states.device)
    for first in range(0, len(states), step):
        part = slice(first, min(first + step, len(states)))
        with _standing_in(model, _Given(states[part])):
            table = model(input_ids=ids, use_cache=False).logits[0].float()
        yield part, table


def read(model: PreTrainedModel, states: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """float32 log p of `tokens` int64 [position, token] after each position, and the likeliest token [position]."""
    found, likeliest = [], []
    for part, table in logits(model, states):
        found.append(table.gather(1, tokens[part]) - table.logsumexp(1, keepdim=True))
        likeliest.append(table.argmax(1))
    return torch.cat(found), torch.cat(likeliest)
