from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmark.analysis.selection import ScoredSets, percentile, selection_table


def test_percentile_counts_ties_half() -> None:
    null = np.array([0.0, 0.5, 0.5, 1.0])
    assert [percentile(x, null) for x in (0.0, 0.5, 0.7, 1.0)] == [12.5, 50.0, 75.0, 87.5]


@pytest.mark.parametrize(("chosen", "all_", "same"), [(5, 75.0, 50.0), (7, 93.75, 87.5), (0, 6.25, 12.5)])
def test_a_selector_that_only_picks_the_better_target_shows_as_that(chosen: int, all_: float, same: float) -> None:
    target = np.repeat([0, 1], 4)
    worth = np.array([0.0, 1, 2, 3, 10, 11, 11, 13])  # the second target is better throughout
    needs = SimpleNamespace(labels=True, model=True)
    selector = SimpleNamespace(name="s", direction="highest", mask="", features="", needs_label=True, needs=needs)
    lists = np.full((3, 1), chosen)
    choice = SimpleNamespace(selector=selector, lists=lambda n: lists)
    choices: Any = SimpleNamespace(random={1: np.arange(8)[:, None]}, at=lambda shots: [choice], n_judging=3)
    matrix = np.repeat(worth[:, None], 3, axis=1)
    scored = {1: ScoredSets(np.arange(8)[:, None], matrix, matrix)}
    table = selection_table("m", "d", choices, scored, np.zeros(3), target)
    assert table["percentile"].tolist() == [all_, all_]
    assert table["percentile_same_target"].tolist() == [same, same]
