"""Who may attend to whom, stated once: a rule is an expression that gives the mask and prints as its own formula.

    rule = C & ~(Y.q & X.k)
    rule.formula                        "C & not (q in Y & k in X)"
    rule.mask(segments)                 bool [batch, 1, q, k], True = attend; None for C alone
    ((X | Y) & ~S).positions(segments)  bool [batch, token]

X are the input tokens, the token at position 0 among them (BOS or not); Y the target tokens; S is position 0; C is
causal: k <= q. What every rule has is not stated: no token attends to padding, and each attends to itself, on padded
rows too, for a row that may attend to nothing is 0 in one implementation of attention and NaN or the mean of all in
others. Rows are padded on the right. C alone needs no mask, for no token sees padding that stands to its right, so
attention keeps its fast path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


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


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula with the tensor that it stands for; two with the same formula are equal. `joined`: needs brackets."""

    formula: str
    value: Callable[[Segments], Tensor] = field(compare=False, repr=False)
    joined: bool = field(default=False, compare=False, repr=False)

    @property
    def _closed(self) -> str:
        return f"({self.formula})" if self.joined else self.formula


@dataclass(frozen=True, slots=True)
class Places(Expression):
    """A set of positions: `value` gives bool [batch, token]."""

    def __and__(self, other: Places) -> Places:
        return Places(f"{self._closed} & {other._closed}", lambda s: self.value(s) & other.value(s), joined=True)

    def __or__(self, other: Places) -> Places:
        return Places(f"{self._closed} | {other._closed}", lambda s: self.value(s) | other.value(s), joined=True)

    def __invert__(self) -> Places:
        return Places(f"not {self._closed}", lambda s: ~self.value(s))

    @property
    def q(self) -> Rule:
        """The query is one of them."""
        return Rule(f"q in {self._closed}", lambda s: self.value(s)[:, :, None])

    @property
    def k(self) -> Rule:
        """The key is one of them."""
        return Rule(f"k in {self._closed}", lambda s: self.value(s)[:, None, :])

    def positions(self, segments: Segments) -> Tensor:
        """bool [batch, token]: the real tokens among them."""
        return self.value(segments) & segments.real


@dataclass(frozen=True, slots=True)
class Rule(Expression):
    """Pairs of a query and a key: `value` gives bool [batch or 1, q or 1, k or 1], before padding and diagonal."""

    def __and__(self, other: Rule) -> Rule:
        return Rule(f"{self._closed} & {other._closed}", lambda s: self.value(s) & other.value(s), joined=True)

    def __or__(self, other: Rule) -> Rule:
        return Rule(f"{self._closed} | {other._closed}", lambda s: self.value(s) | other.value(s), joined=True)

    def __invert__(self) -> Rule:
        return Rule(f"not {self._closed}", lambda s: ~self.value(s))

    def mask(self, segments: Segments) -> Tensor | None:
        """bool [batch, 1, q, k], True = attend; None where the model's own causal path does the same."""
        if self == C:
            return None
        where = segments.position
        keep = (self.value(segments) & segments.real[:, None, :]) | (where[:, None] == where)
        return keep[:, None]


X = Places("X", lambda s: s.position < s.n_input[:, None])
Y = Places("Y", lambda s: (s.position >= s.n_input[:, None]) & s.real)
S = Places("S", lambda s: (s.position == 0)[None])
C = Rule("C", lambda s: (s.position <= s.position[:, None])[None])
ALL = Rule("all", lambda s: torch.ones(1, 1, 1, dtype=torch.bool, device=s.length.device))
ITSELF = Rule("q = k", lambda s: torch.zeros(1, 1, 1, dtype=torch.bool, device=s.length.device))
ISOLATED = C & ~(Y.q & X.k)
"""The target does not hear the input."""


@dataclass(frozen=True, slots=True)
class MaskStrategy:
    """Who may attend to whom, and whose outputs count.

    `needs_label`: its scores depend on the target, so an unlabelled pool cannot have them. `question`: what it asks.
    """

    rule: Rule
    pooled: Places
    needs_label: bool
    question: str

    @property
    def sequence(self) -> Places:
        """What a statistic over the whole sequence sees: all tokens, but no target where the label must stay unseen."""
        return X | Y if self.needs_label else X


def by_rule(strategies: Sequence[MaskStrategy]) -> dict[Rule, list[int]]:
    """Indices of strategies by the forward pass that they share, in order of first appearance."""
    groups: dict[Rule, list[int]] = {}
    for index, strategy in enumerate(strategies):
        groups.setdefault(strategy.rule, []).append(index)
    return groups


STACKED = 1024
"""Tokens of a pass that stacks rules: a larger one leaves the processor's caches, and costs more than several."""


def rules_together(tokens: int, token_budget: int) -> int:
    """How many attention rules of a batch of so many tokens, padding included, are computed in one pass."""
    return max(1, min(token_budget, STACKED) // tokens)
