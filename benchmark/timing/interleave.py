"""How many times longer one thing takes than another, on a machine that is doing something else as well.

    interleaved_ratio(candidate, baseline, rounds=30).median
    seconds = interleave([ours, theirs, limit], rounds=30)     [round, way]; `summarise` takes two of its columns

Each round runs all, one right after the other and in random order, and gives one ratio: what slows the machine for
longer than a round slows them all and cancels. The median over rounds shrugs off the rest; its interval is
bootstrapped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
CONFIDENCE = 0.95
FEWEST = 5
"""Rounds that are measured even where they take longer than they may."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Candidate's time over baseline's: median of `n` paired rounds, its 95 % interval, and both medians in µs."""

    median: float
    low: float
    high: float
    candidate_us: float
    baseline_us: float
    n: int


def interleaved_ratio(
    candidate: Callable[[], object],
    baseline: Callable[[], object],
    *,
    rounds: int,
    seconds: float = math.inf,
    warmup: int = 2,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Ratio:
    """The `Ratio` of `candidate` to `baseline`, with the arguments of `interleave`; `seed` draws the bootstrap, too."""
    generator = np.random.default_rng(seed)
    taken = interleave(
        (candidate, baseline), rounds=rounds, seconds=seconds, warmup=warmup, generator=generator, clock=clock
    )
    return summarise(taken[:, 0], taken[:, 1], generator)


def interleave(
    ways: Sequence[Callable[[], object]],
    *,
    rounds: int,
    seconds: float = math.inf,
    warmup: int = 2,
    generator: np.random.Generator,
    clock: Callable[[], float] = time.perf_counter,
) -> NDArray[np.float64]:
    """Seconds float64 [round, way] of each of `ways` in `rounds` rounds after `warmup` untimed ones.

    Once `seconds` on the wall have passed no further round begins, but for the first `FEWEST`. `generator` draws the
    order within each round. `clock` gives seconds: `time.process_time` counts the processor's time instead, which
    others take less from, but which hides threads that wait for one another. On CUDA every way must end with a
    synchronisation, and the clock must be the default.
    """
    for _ in range(warmup):
        for way in ways:
            way()
    taken: list[NDArray[np.float64]] = []
    begin = time.monotonic()
    while len(taken) < rounds and (len(taken) < FEWEST or time.monotonic() - begin < seconds):
        row = np.empty(len(ways))
        for which in generator.permutation(len(ways)):
            start = clock()
            ways[which]()
            row[which] = clock() - start
        taken.append(row)
    return np.array(taken)


def summarise(
    candidate: Sequence[float] | NDArray[np.float64],
    baseline: Sequence[float] | NDArray[np.float64],
    generator: np.random.Generator,
) -> Ratio:
    """The `Ratio` of paired times in seconds, both [round]; percentile bootstrap of the median over rounds."""
    above, below = np.asarray(candidate), np.asarray(baseline)
    ratios = above / below
    drawn = generator.integers(len(ratios), size=(RESAMPLES, len(ratios)))
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(np.median(ratios[drawn], axis=1), [tail, 100 - tail])
    return Ratio(
        float(np.median(ratios)),
        float(low),
        float(high),
        float(np.median(above) * 1e6),
        float(np.median(below) * 1e6),
        len(ratios),
    )
