from __future__ import annotations

import pytest

from benchmark.analysis.verdict import decide

BOUND = 0.33


@pytest.mark.parametrize(
    ("max_abs_rho", "lower", "null", "sensitive", "verdict"),
    [
        (0.20, 0.00, 0.12, True, "reproduced"),
        (0.33, 0.22, 0.12, True, "reproduced"),  # the bound itself is allowed
        (0.20, 0.00, 0.12, False, "inconclusive"),
        (0.20, 0.00, 0.50, False, "inconclusive"),
        (0.50, 0.40, 0.12, True, "refuted"),
        (0.50, 0.40, 0.12, False, "refuted"),  # what was found was found, by whatever means
        (0.36, 0.25, 0.12, True, "exceeded"),
        (0.36, 0.25, 0.12, False, "exceeded"),  # chance does not cross the bound here
        (0.36, 0.25, 0.40, True, "exceeded"),
        (0.36, 0.25, 0.40, False, "inconclusive"),  # chance does: the bound is noise
        (0.50, 0.33, 0.12, True, "exceeded"),  # a lower limit at the bound is not above it
    ],
)
def test_table(max_abs_rho: float, lower: float, null: float, sensitive: bool, verdict: str) -> None:
    assert decide(max_abs_rho, lower, null, sensitive, BOUND) == verdict
