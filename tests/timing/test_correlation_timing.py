"""The joint permutation null against a loop over scipy, in one run; and what it takes in time and memory."""

from __future__ import annotations

import resource
from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis.ranking import rank
from benchmark.analysis.resampling import Null, Resampled, permutation_null
from benchmark.analysis.strata import by_target
from tests.timing.measuring import compared

pytestmark = [pytest.mark.slow, pytest.mark.bench]

CELLS, N, PERMUTATIONS = 10_000, 1_000, 1_000
SECONDS, BYTES, SPEEDUP = 90, 2 * 1024**3, 50
SCIPY_CALLS = 20
"""The loop is timed on so many of its calls: all of them would take an hour and a half or more."""


@pytest.mark.parametrize("targets", [1, 5])
def test_ten_thousand_cells_within_the_time_and_two_gigabytes(benchmark: Any, targets: int) -> None:
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((CELLS, N)).astype(np.float32)
    outcome = rng.standard_normal((1, N))
    null = benchmark.pedantic(permute, args=(scores, outcome, PERMUTATIONS, rng, targets), rounds=1)
    # the peak of the whole process: torch, where another test has imported it, counts as well
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = benchmark.stats.stats.total
    benchmark.extra_info.update({"seconds": seconds, "peak, GB": peak / 1e9})
    assert 0.1 < np.quantile(null.maxima, 0.95) < 0.2
    assert seconds < SECONDS
    assert peak < BYTES


def permute(scores: Any, outcome: Any, permutations: int, rng: np.random.Generator, targets: int = 1) -> Null:
    """The null of all cells of one pool, whose candidates have so many targets."""
    ranking = rank(scores, outcome, by_target(np.arange(N) % targets))
    chosen = {"all": [np.ones(ranking.rho.shape, dtype=bool)]}
    return permutation_null([Resampled("pool", ranking.strata, ranking.x, ranking.y)], chosen, permutations, rng)["all"]


def test_at_least_fifty_times_as_fast_as_a_loop_over_scipy(benchmark: Any) -> None:
    rng = np.random.default_rng(1)
    cells, permutations = 1_000, 200
    scores = rng.standard_normal((cells, N)).astype(np.float32)
    outcome = rng.standard_normal((1, N))

    def ours() -> None:
        permute(scores, outcome, permutations, rng)

    def scipys() -> None:
        for i in range(SCIPY_CALLS):
            stats.spearmanr(scores[i], rng.permutation(outcome[0]))

    ratio = compared(benchmark, False, {"ours": ours, "scipy": scipys}, {"scipy over ours": ("scipy", "ours")})
    scale = cells * permutations / SCIPY_CALLS
    low = ratio["scipy over ours"].low * scale
    benchmark.extra_info["times as fast as scipy"] = ratio["scipy over ours"].median * scale
    assert low > SPEEDUP
