"""The joint permutation null against a loop over scipy, in one run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis.ranking import rank
from benchmark.analysis.resampling import Null, Resampled, permutation_null
from tests.timing.measuring import compared

pytestmark = [pytest.mark.slow, pytest.mark.bench]

N = 1_000
SPEEDUP = 50
SCIPY_CALLS = 20
"""The loop is timed on so many of its calls: all of them would take an hour and a half or more."""


def permute(scores: Any, outcome: Any, permutations: int, rng: np.random.Generator) -> Null:
    """The null of all cells of one pool."""
    ranking = rank(scores, outcome)
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
