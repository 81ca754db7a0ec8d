"""How many times longer one thing takes than another, on a machine that is doing something else as well.

    interleaved_ratio(candidate, baseline, rounds=30).median

Each round runs both, one right after the other and in random order, and gives one ratio: what slows the machine for
longer than a round slows both and cancels. The median over rounds shrugs off the rest; its interval is bootstrapped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
CONFIDENCE = 0.95


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
    warmup: int = 2,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Ratio:
    """Times `candidate` and `baseline` in `rounds` pairs after `warmup` untimed ones.

    `seed` draws the order within each pair and the bootstrap. `clock` gives seconds: `time.process_time` counts the
    processor's time instead, which others take less from, but which hides threads that wait for one another. On CUDA
    both must end with a synchronisation, and the clock must be the default.
    """
    generator = np.random.default_rng(seed)
    for _ in range(warmup):
        candidate()
        baseline()
    seconds = np.empty((rounds, 2))
    pair = (candidate, baseline)
    for row in seconds:
        for which in generator.permutation(2):
            start = clock()
            pair[which]()
            row[which] = clock() - start
    return summarise(seconds[:, 0], seconds[:, 1], generator)


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
