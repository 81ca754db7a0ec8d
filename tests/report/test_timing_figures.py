"""The figures of speed: what they do with few runs, many runs, several machines, and files of other versions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark.report.figures import history, timing
from benchmark.report.results import Results, read_results
from benchmark.report.style import styled
from benchmark.timing.history import extend
from tests.report.synthetic import timing as timing_json


@pytest.fixture(scope="module")
def results(folder: Path) -> Results:
    return read_results(folder)


def runs(results: Results, commits: list[tuple[str, str]]) -> Results:
    """`results` with a history of (machine, commit)."""
    table = results.history.iloc[:0]
    for machine, commit in commits:
        table = extend(table, timing_json(1.1, machine), commit, "2026-01-01")
    return replace(results, history=table)


def captions(results: Results) -> list[str]:
    with styled():
        return [drawing.caption for drawing in history.draw(results)]


def test_one_run_is_a_history(results: Results) -> None:
    (caption,) = captions(runs(results, [("one", "1111111111")]))
    assert caption == "By commit, 95 % intervals; dashed: the limit. one, 2 cores, 1 thread."


def test_machines_stand_side_by_side_with_their_letters(results: Results) -> None:
    one, other = ("one", "1111111111"), ("other", "1111111111")
    measured = runs(results, [one, other, ("one", "2222222222+")])
    with styled():
        (drawn,) = history.draw(measured)
    assert "A: one, 2 cores, 1 thread; B: other, 2 cores, 1 thread." in drawn.caption
    assert "Open, +: sources were edited." in drawn.caption
    assert drawn.svg.index("2222222222+") < drawn.svg.rindex("1111111111")  # the first machine's two, then the other's
    assert drawn.svg.count(">1111111111<") == 2


def test_of_many_runs_the_last_are_shown(results: Results) -> None:
    commits = [("one", f"{index:010d}") for index in range(history.LAST + 3)]
    with styled():
        (drawn,) = history.draw(runs(results, commits))
    assert f"The last {history.LAST} of {len(commits)} runs." in drawn.caption
    assert "0000000002" not in drawn.svg
    assert "0000000003" in drawn.svg


def test_without_ratios_that_can_be_drawn_nothing_is(results: Results) -> None:
    flat = {"ratios": {"extraction causal": {"median": 1.1, "low": 1.0, "high": 1.2}}, "machine": {}}
    contents: list[dict[str, Any]] = [flat, {"ratios": {"over_limit": {}}}, {}]
    elsewhere = results.history.assign(ratio="something_else")
    with styled():
        for content in contents:
            assert timing.draw(replace(results, timing=content)) == []
        assert history.draw(replace(results, history=elsewhere)) == []
        assert history.draw(replace(results, history=pd.DataFrame(columns=results.history.columns))) == []


def test_the_figure_says_which_is_ours_and_what_the_limit_is(results: Results) -> None:
    with styled():
        (drawn,) = timing.draw(results)
    assert "for extraction one mask a bare forward pass" in drawn.caption
    assert "ours takes at most 1.04 times the limit" in drawn.alt
    assert drawn.svg.count(">ours<") == 3
    assert drawn.svg.count(">0.75<") == 2
    assert drawn.svg.count(">1.38<") == 2
