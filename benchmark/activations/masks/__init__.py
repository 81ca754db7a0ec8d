"""Mask strategies: every file here defines one, named as the file is.

    strategies = [mask_strategy(name) for name in ("causal", "input", "self")]

docs/protocol.md has their table.
"""

from __future__ import annotations

from benchmark.activations.attention import MaskStrategy
from benchmark.discovery import discover
from benchmark.errors import unknown

MASKS: dict[str, MaskStrategy] = discover(__name__, __path__, "MASK", MaskStrategy)


def mask_strategy(name: str) -> MaskStrategy:
    """The registered strategy; `BenchmarkError` with the nearest name for an unknown one."""
    if name not in MASKS:
        raise unknown("mask", name, MASKS)
    return MASKS[name]
