"""How a case is measured: in interleaved rounds, until there are enough or its time is up; and what is kept of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from benchmark.timing.interleave import Ratio, interleave, summarise

ROUNDS = 11
SECONDS = 30.0
"""A case ends after so many rounds or so long on the wall, but not before five rounds: `make bench` takes minutes."""
SMOKE_ROUNDS = 2


def clock() -> Callable[[], float]:
    """The processor's time where one thread computes: other work on the machine hardly changes it. Else the wall's."""
    return time.process_time if torch.get_num_threads() == 1 else time.perf_counter


def compared(
    benchmark: Any,
    smoke: bool,
    ways: Mapping[str, Callable[[], object]],
    pairs: Mapping[str, tuple[str, str]],
    rounds: int = ROUNDS,
) -> dict[str, Ratio]:
    """Ratios {name: of the first way of `pairs[name]` to the second}, kept with the benchmark as extra information.

    pytest-benchmark itself times the first of `ways`, which warms up as well: once, for it takes seconds, or `rounds`
    times where that is more than `ROUNDS`.
    """
    rounds = SMOKE_ROUNDS if smoke else rounds
    benchmark.pedantic(next(iter(ways.values())), rounds=rounds if rounds > ROUNDS else 1)
    generator = np.random.default_rng(0)
    seconds = interleave([*ways.values()], rounds=rounds, seconds=SECONDS, warmup=0, generator=generator, clock=clock())
    taken = dict(zip(ways, seconds.T, strict=True))
    ratios = {name: summarise(taken[one], taken[other], generator) for name, (one, other) in pairs.items()}
    benchmark.extra_info["ratios"] = {name: asdict(ratio) for name, ratio in ratios.items()}
    return ratios
