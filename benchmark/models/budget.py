"""How many tokens a device takes at once: a budget that shrinks where memory runs out, and stays so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmark.errors import BenchmarkError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Budget:
    """Tokens of a batch, padding included; halved, for good, each time the device runs out of memory.

    `real` and `padded` count what went through the model: padding's share is `waste`.
    """

    tokens: int
    real: int = 0
    padded: int = 0

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise BenchmarkError(f"a token budget of {self.tokens} holds no token: give at least 1")

    @property
    def waste(self) -> float:
        """Share of the computed tokens that is padding, 0 to 1."""
        return 1 - self.real / self.padded if self.padded else 0.0

    def count(self, real: int, padded: int) -> None:
        self.real += real
        self.padded += padded

    def fits(self, run: Callable[[], None]) -> bool:
        """Runs `run`; where memory runs out, halves the budget and returns False."""
        try:
            run()
            return True
        except torch.OutOfMemoryError:
            pass  # leave the block first: the traceback holds the tensors
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self.tokens == 1:
            raise BenchmarkError("out of memory with a single prompt in the batch: use a smaller model or dtype")
        self.tokens = max(1, self.tokens // 2)
        log.warning("out of memory: batches of %d tokens from here on; token_budget set to that spares it", self.tokens)
        return False
