from __future__ import annotations

import matplotlib as mpl
import pytest

from benchmark.report.style import RC, number, styled


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.334, ".33"), (-0.05, "−.05"), (1.0, "1.00"), (-1.0, "−1.00"), (0.999, "1.00"), (-0.001, ".00"), (0.0, ".00")],
)
def test_a_correlation_is_printed_without_the_zero(value: float, text: str) -> None:
    assert number(value) == text


def test_the_style_leaves_nothing_behind() -> None:
    before = dict(mpl.rcParams)
    with styled():
        assert mpl.rcParams["svg.hashsalt"] == RC["svg.hashsalt"]
    assert dict(mpl.rcParams) == before
