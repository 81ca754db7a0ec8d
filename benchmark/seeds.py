"""One generator for one purpose: draws for different purposes, or in another order, do not influence one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmark.hashing import sha256


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A numpy generator that depends on `seed` and the words of `purpose` alone (PCG64 over their SHA-256).

    >>> generator(0, "sets", 4).integers(1000) == generator(0, "sets", 4).integers(1000)
    np.True_
    """
    digest = bytes.fromhex(sha256("\x1f".join(map(str, (seed, *purpose))).encode()))
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def seeds(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, int]:
    """Every parameter named `seed`, by its dotted key.

    >>> seeds({"seed": 1, "models": {"m": {"seed": 2, "x": 3}}})
    {'seed': 1, 'models.m.seed': 2}
    """
    found: dict[str, int] = {}
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            found |= seeds(value, f"{prefix}{key}.")
        elif key == "seed":
            found[f"{prefix}{key}"] = value
    return found
