"""How cases are measured and told; no time is asserted here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.timing import measuring
from tests.timing.conftest import lines


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what ran; each call takes the clock as many seconds further as its name says."""
    made: list[str] = []
    monkeypatch.setattr(measuring, "clock", lambda: lambda: float(sum(int(name) for name in made)))
    return made


def test_a_case_keeps_each_ratio_of_the_same_rounds(calls: list[str]) -> None:
    timed: list[int] = []
    benchmark: Any = SimpleNamespace(pedantic=lambda run, rounds: timed.append(rounds), extra_info={})
    ways = {name: lambda name=name: calls.append(name) for name in ("2", "8", "1")}
    pairs = {"over one": ("2", "1"), "over eight": ("2", "8")}
    ratios = measuring.compared(benchmark, False, ways, pairs)
    assert {name: ratio.median for name, ratio in ratios.items()} == {"over one": 2.0, "over eight": 0.25}
    assert timed == [1]
    assert calls.count("2") == calls.count("8") == measuring.ROUNDS
    assert benchmark.extra_info["ratios"]["over one"]["median"] == 2.0
    told = list(lines("tests/timing/test_x.py::test_y", benchmark.extra_info | {"rows": 4}, benchmark.extra_info))
    assert [line.split() for line in told] == [
        ["test_x.py::test_y", "over", "one", "2.000", "[2.000,", "2.000],", "11", "rounds", "last", "run", "2.000"],
        ["test_x.py::test_y", "over", "eight", "0.250", "[0.250,", "0.250],", "11", "rounds", "last", "run", "0.250"],
        ["test_x.py::test_y", "rows", "4"],
    ]


def test_a_case_whose_rounds_are_long_ends_early_but_has_five(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "SECONDS", 0.0)
    benchmark: Any = SimpleNamespace(pedantic=lambda run, rounds: None, extra_info={})
    ways = {name: lambda name=name: calls.append(name) for name in ("2", "1")}
    assert measuring.compared(benchmark, False, ways, {"ratio": ("2", "1")})["ratio"].n == 5
    assert calls.count("2") == 5
