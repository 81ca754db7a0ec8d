"""Mask strategies: who may attend to whom (the rule), and whose MLP outputs count (the pooled positions).

    strategies = [mask_strategy(name) for name in ("causal", "input", "self")]
    for rule, members in by_rule(strategies).items():      # one forward pass for each rule
        mask = rule.mask(segments)                         # bool [batch, 1, q, k], True = attend; None for causal
        for strategy in members:
            strategy.pooled.positions(segments)            # bool [batch, token]

X are the input tokens, the token at position 0 among them (BOS or not); Y the target tokens; S is position 0; C is
causal, P is "the key is no padding". Rows are padded on the right. The diagonal is always kept, on padded rows too:
a row that may attend to nothing gives NaN in SDPA. The causal rule needs no mask, for no token sees padding that
stands to its right, so SDPA keeps its fast path. The table of strategies is that of docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.errors import unknown


@dataclass(frozen=True, slots=True)
class Segments:
    """A padded batch: row b holds `n_input[b]` input tokens, target tokens up to `length[b]`, then padding."""

    n_input: Tensor
    length: Tensor
    width: int

    @property
    def position(self) -> Tensor:
        return torch.arange(self.width, device=self.length.device)

    @property
    def real(self) -> Tensor:
        """bool [batch, token]"""
        return self.position < self.length[:, None]

    @property
    def input(self) -> Tensor:
        """bool [batch, token]; X"""
        return self.position < self.n_input[:, None]

    @property
    def target(self) -> Tensor:
        """bool [batch, token]; Y"""
        return self.real & ~self.input


@dataclass(frozen=True, slots=True, eq=False)
class AttentionRule:
    """`allowed` gives bool [batch or 1, q, k] before padding and diagonal are seen to; None: plain causal."""

    name: str
    formula: str
    allowed: Callable[[Segments], Tensor] | None

    def mask(self, segments: Segments) -> Tensor | None:
        """bool [batch, 1, q, k], True = attend; None where the model's own causal path does the same."""
        if self.allowed is None:
            return None
        q, k = _grid(segments)
        keep = (self.allowed(segments) & segments.real[:, None, :]) | (q == k)
        return keep[:, None]


def _grid(segments: Segments) -> tuple[Tensor, Tensor]:
    return segments.position[:, None], segments.position[None, :]


def _causal(segments: Segments) -> Tensor:
    q, k = _grid(segments)
    return k <= q


def _no_sink(segments: Segments) -> Tensor:
    q, k = _grid(segments)
    return _causal(segments) & ~((k == 0) & (q > 0))


def _target_isolated(segments: Segments) -> Tensor:
    return _causal(segments) & ~(segments.target[:, :, None] & segments.input[:, None, :])


def _prefix(segments: Segments) -> Tensor:
    return _causal(segments) | (segments.input[:, :, None] & segments.input[:, None, :])


def _bidirectional(segments: Segments) -> Tensor:
    q, k = _grid(segments)
    return (q >= 0) & (k >= 0)


def _self(segments: Segments) -> Tensor:
    q, k = _grid(segments)
    return q == k


CAUSAL = AttentionRule("causal", "C & P", None)
NO_SINK = AttentionRule("no_sink", "C & P & not(k = S and q > S)", _no_sink)
TARGET_ISOLATED = AttentionRule("target_isolated", "C & P & not(q in Y and k in X)", _target_isolated)
PREFIX = AttentionRule("prefix", "(C or both in X) & P", _prefix)
BIDIRECTIONAL = AttentionRule("bidirectional", "P", _bidirectional)
SELF = AttentionRule("self", "q = k", _self)


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """`positions` gives bool [batch, token]: whose outputs count."""

    name: str
    positions: Callable[[Segments], Tensor]


EVERYTHING = Pooled("X, Y", lambda segments: segments.real)
WITHOUT_SINK = Pooled("X, Y without S", lambda segments: segments.real & (segments.position > 0))
INPUT = Pooled("X", lambda segments: segments.input & segments.real)
TARGET = Pooled("Y", lambda segments: segments.target)


@dataclass(frozen=True, slots=True, eq=False)
class MaskStrategy:
    """`needs_label`: its scores depend on the target, so an unlabelled pool cannot have them."""

    name: str
    rule: AttentionRule
    pooled: Pooled
    needs_label: bool
    question: str


MASKS: dict[str, MaskStrategy] = {
    strategy.name: strategy
    for strategy in (
        MaskStrategy("causal", CAUSAL, EVERYTHING, True, "the model as it runs"),
        MaskStrategy("no_sink", NO_SINK, WITHOUT_SINK, True, "without the attention sink"),
        MaskStrategy("input", CAUSAL, INPUT, False, "what an unlabelled pool allows: the label unseen"),
        MaskStrategy("target", CAUSAL, TARGET, True, "the label's tokens in context"),
        MaskStrategy("target_isolated", TARGET_ISOLATED, TARGET, True, "the label's tokens without the input"),
        MaskStrategy("prefix", PREFIX, EVERYTHING, True, "prefix-LM: input tokens see one another both ways"),
        MaskStrategy("bidirectional", BIDIRECTIONAL, EVERYTHING, True, "no causal order"),
        MaskStrategy("self", SELF, EVERYTHING, True, "no information flow: the control"),
    )
}


def mask_strategy(name: str) -> MaskStrategy:
    """The registered strategy; `BenchmarkError` with the nearest name for an unknown one."""
    if name not in MASKS:
        raise unknown("mask", name, MASKS)
    return MASKS[name]


def by_rule(strategies: Sequence[MaskStrategy]) -> dict[AttentionRule, list[MaskStrategy]]:
    """Strategies by the forward pass that they share, in order of first appearance."""
    groups: dict[AttentionRule, list[MaskStrategy]] = {}
    for strategy in strategies:
        groups.setdefault(strategy.rule, []).append(strategy)
    return groups
