"""The joint permutation null against a loop over scipy, in one run; and what it takes in time and memory."""

from __future__ import annotations

import resource
import time

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis.resampling import permutation_null
from benchmark.analysis.spearman import centred_ranks
from benchmark.timing.interleave import interleaved_ratio

pytestmark = [pytest.mark.slow, pytest.mark.bench]

CELLS, N, PERMUTATIONS = 10_000, 1_000, 1_000
SECONDS, BYTES, SPEEDUP = 60, 2 * 1024**3, 50
SCIPY_CALLS = 20
"""The loop is timed on so many of its calls: all of them would take an hour and a half or more."""


def test_ten_thousand_cells_in_a_minute_and_two_gigabytes() -> None:
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((CELLS, N)).astype(np.float32)
    target = rng.standard_normal((1, N))
    start = time.perf_counter()
    null = permutation_null([centred_ranks(scores)], [centred_ranks(target)], ["pool"], PERMUTATIONS, rng)
    seconds = time.perf_counter() - start
    # the peak of the whole process: torch, where another test has imported it, counts as well
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"\n{CELLS} cells, n = {N}, {PERMUTATIONS} permutations: {seconds:.1f} s, peak {peak / 1e9:.2f} GB")
    assert 0.1 < np.quantile(null.maxima, 0.95) < 0.2
    assert seconds < SECONDS
    assert peak < BYTES


def test_at_least_fifty_times_as_fast_as_a_loop_over_scipy() -> None:
    rng = np.random.default_rng(1)
    cells, permutations = 1_000, 200
    scores = rng.standard_normal((cells, N)).astype(np.float32)
    target = rng.standard_normal((1, N))

    def ours() -> None:
        permutation_null([centred_ranks(scores)], [centred_ranks(target)], ["pool"], permutations, rng)

    def scipys() -> None:
        for i in range(SCIPY_CALLS):
            stats.spearmanr(scores[i], rng.permutation(target[0]))

    ratio = interleaved_ratio(scipys, ours, rounds=7)
    scale = cells * permutations / SCIPY_CALLS
    speedup = ratio.median * scale
    print(f"\n{speedup:.0f} times as fast as scipy, interval {ratio.low * scale:.0f} to {ratio.high * scale:.0f}")
    assert ratio.low * scale > SPEEDUP
