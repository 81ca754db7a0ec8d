"""Ten thousand candidates with 384 features: seconds, and less than a gigabyte, for every selector."""

from __future__ import annotations

import pytest

from benchmark.errors import BenchmarkError
from benchmark.selection import names
from benchmark.timing.selectors import Usage, usage


@pytest.mark.slow
@pytest.mark.parametrize("family", names())
def test_ten_thousand_candidates_take_seconds_and_less_than_a_gigabyte(family: str) -> None:
    found = usage(family)
    assert found.fits, found


def test_what_takes_too_long_or_too_much_does_not_fit() -> None:
    assert Usage("a", 9.9, 0.9).fits
    assert not Usage("a", 10.1, 0.1).fits
    assert not Usage("a", 0.1, 1.1).fits


@pytest.mark.slow
def test_a_family_that_is_not_there_is_named() -> None:
    with pytest.raises(BenchmarkError, match=r"oracel could not be measured: .*did you mean 'oracle'"):
        usage("oracel", 20, 4)
