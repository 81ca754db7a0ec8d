"""Forward passes that continue from keys and values computed before, shared by many rows.

    prefixes = extend(model, ids, lengths, (), store=True).block          # [n, ...], each prefix once
    level = Level(prefixes, rows)                                         # row r continues prefix rows[r]
    logits = extend(model, queries, lengths, (level,), keep=mask).logits  # only where `keep` is True

A prompt is a path through a tree (prefix, query, continuation); every node's keys and values are computed once, as a
`Block` whose rows are padded on the right. A pass joins the blocks on its path, layer by layer, with its own keys and
values: one copy, freed with the layer. Positions and the mask follow from the blocks' true lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from benchmark.errors import BenchmarkError
from benchmark.quality.narrowing import narrowed

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class Block:
    """Keys and values of `lengths[i]` tokens in row i: per layer [row, KV head, token, head dim], right-padded."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    lengths: Tensor

    def cut(self, rows: slice, lengths: Tensor | None = None) -> Block:
        """A view of some rows, or of fewer tokens in each, without padding that no row needs."""
        lengths = self.lengths[rows] if lengths is None else lengths
        longest = int(lengths.max())
        keys, values = (tuple(layer[rows, :, :longest] for layer in part) for part in (self.keys, self.values))
        return Block(keys, values, lengths)


@dataclass(frozen=True, slots=True)
class Level:
    """A block and, for each row of a pass, the block's row that it continues.

    Without `index`, consecutive rows share one: row r of R continues row r // (R / rows of the block).
    """

    block: Block
    index: Tensor | None = None

    def lengths(self, rows: int) -> Tensor:
        lengths = self.block.lengths
        return lengths.repeat_interleave(rows // len(lengths)) if self.index is None else lengths[self.index]

    @property
    def width(self) -> int:
        """Tokens of a row, padding included."""
        return self.block.keys[0].shape[2]

    def write(self, layer: Tensor, out: Tensor) -> None:
        """Copies one layer's keys or values to `out` [row, head, token, head dim]."""
        if self.index is None:
            torch.unflatten(out, 0, (len(layer), -1)).copy_(layer.unsqueeze(1))
        else:
            out.copy_(layer.index_select(0, self.index))


def join(levels: Sequence[Level], layer: int, rows: int, room: int) -> tuple[Tensor, Tensor]:
    """One layer's keys and values of all levels, [row, head, token, head dim], with room behind for more tokens."""
    parts = [(level.block.keys[layer], level.block.values[layer]) for level in levels]
    width = sum(level.width for level in levels) + room
    keys, values = (like.new_empty(rows, like.shape[1], width, like.shape[3]) for like in parts[0])
    offset = 0
    for level, part in zip(levels, parts, strict=True):
        for source, out in zip(part, (keys, values), strict=True):
            level.write(source, out[:, :, offset : offset + level.width])
        offset += level.width
    return keys, values


class _Layer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's cache: answers the attention's update with the levels' keys and values before the new ones."""

    def __init__(self, levels: Sequence[Level], number: int) -> None:
        super().__init__()
        self.levels = levels
        self.number = number
        self.width = sum(level.width for level in levels)

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        self.keys, self.values = key_states, value_states
        if not self.levels:
            return key_states, value_states
        rows, _, tokens, _ = key_states.shape
        keys, values = join(self.levels, self.number, rows, tokens)
        keys[:, :, self.width :] = key_states
        values[:, :, self.width :] = value_states
        return keys, values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.width + query_length, 0

    def get_seq_length(self) -> int:
        return self.width

    def get_max_length(self) -> int:
        return -1


@dataclass(frozen=True, slots=True)
class Extension:
    """`logits` [kept position, vocabulary] in the model's dtype, rows first; `block`, if it was to be stored."""

    logits: Tensor
    block: Block | None


def extend(
    model: PreTrainedModel,
    ids: Tensor,
    lengths: Tensor,
    levels: Sequence[Level],
    *,
    keep: Tensor | None = None,
    store: bool = False,
) -> Extension:
    """Runs `ids` int64 [row, token], right-padded, `lengths` int64 [row] of them real, behind `levels`.

    `keep` bool [row, token] names the positions whose logits are computed; none by default.
    """
    rows, tokens = ids.shape
    keep = torch.zeros_like(ids, dtype=torch.bool) if keep is None else keep
    cache = Cache(layers=[_Layer(levels, number) for number in range(layers(model))])
    with narrowed(model, keep):
        output = model(
            input_ids=ids,
            attention_mask=attention_mask(levels, rows, tokens, model.dtype),
            position_ids=seen(levels, rows)[:, None] + torch.arange(tokens, device=ids.device) if levels else None,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=keep,
        )
    block = Block(tuple(x.keys for x in cache.layers), tuple(x.values for x in cache.layers), lengths)
    return Extension(output.logits, block if store else None)


def seen(levels: Sequence[Level], rows: int) -> Tensor:
    """Tokens that come before each row of a pass behind `levels`, int64 [row]."""
    return torch.stack([level.lengths(rows) for level in levels]).sum(0)


def attention_mask(levels: Sequence[Level], rows: int, tokens: int, dtype: torch.dtype) -> Tensor | None:
    """The additive mask [row or 1, 1, token, key]: the real tokens of every level, then causal; None without levels.

    One mask serves all rows where no level has padding. Padding behind a row's own tokens needs none: nothing real
    comes after it.
    """
    if not levels:
        return None
    past = visible(levels, rows)
    if bool(past.all()):
        past = past[:1]
    causal = torch.ones(tokens, tokens, dtype=torch.bool, device=past.device).tril()
    allowed = torch.cat([past[:, None, :].expand(-1, tokens, -1), causal.expand(len(past), -1, -1)], dim=-1)
    return additive(allowed, dtype)[:, None]


def visible(levels: Sequence[Level], rows: int) -> Tensor:
    """bool [row, key]: which keys of `levels` are real tokens, not padding."""
    parts = []
    for level in levels:
        lengths = level.lengths(rows)
        parts.append(torch.arange(level.width, device=lengths.device) < lengths[:, None])
    return torch.cat(parts, dim=1)


def additive(allowed: Tensor, dtype: torch.dtype) -> Tensor:
    """0 where attention is allowed, the lowest number of `dtype` elsewhere (a mask that every attention takes)."""
    return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(~allowed, torch.finfo(dtype).min)


def layers(model: PreTrainedModel) -> int:
    return int(model.config.num_hidden_layers)


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
