"""Vectors that are sums of a few directions out of a dictionary that the test knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.sae.autoencoder import Autoencoder
from benchmark.sae.training import Settings
from tests.activations.conftest import examples, llama, qwen2

__all__ = ["examples", "llama", "qwen2"]

HIDDEN, TRUE, ACTIVE = 16, 32, 2
SETTINGS = Settings(width=64, active=ACTIVE, epochs=8, batch=256, learning_rate=0.01, auxiliary=1 / 32, dead_after=4000)


@dataclass(frozen=True)
class Planted:
    """`directions` float64 [feature, hidden], of length one; `rows` float32 [token, hidden], two of them each."""

    directions: NDArray[np.float64]
    rows: Tensor


def plant(count: int, seed: int = 0) -> Planted:
    draw = np.random.default_rng(seed)
    directions = np.random.default_rng(99).standard_normal((TRUE, HIDDEN))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    strengths = np.zeros((count, TRUE))
    chosen = np.argsort(draw.random((count, TRUE)), axis=1)[:, :ACTIVE]
    np.put_along_axis(strengths, chosen, 1 + draw.random((count, ACTIVE)), axis=1)
    return Planted(directions, torch.from_numpy((3 * strengths @ directions + 5).astype(np.float32)))


@pytest.fixture(scope="session")
def planted() -> Planted:
    return plant(6000)


def random_autoencoder(hidden: int, width: int, seed: int = 0, threshold: float = 0.5) -> Autoencoder:
    draw = torch.Generator().manual_seed(seed)
    decoder = torch.randn(width, hidden, generator=draw)
    return Autoencoder(
        encoder=torch.randn(width, hidden, generator=draw) / hidden**0.5,
        encoder_bias=0.1 * torch.randn(width, generator=draw),
        decoder=decoder / decoder.norm(dim=1, keepdim=True),
        decoder_bias=0.1 * torch.randn(hidden, generator=draw),
        mean=torch.randn(hidden, generator=draw),
        scale=torch.tensor(2.5),
        threshold=torch.tensor(threshold),
    )
