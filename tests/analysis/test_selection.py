from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.analysis.selection import ScoredSets, percentile, selection_table
from benchmark.analysis.selectors import selectors_over_tasks


def test_percentile_counts_ties_half() -> None:
    null = np.array([0.0, 0.5, 0.5, 1.0])
    assert [percentile(x, null) for x in (0.0, 0.5, 0.7, 1.0)] == [12.5, 50.0, 75.0, 87.5]


@pytest.mark.parametrize(("chosen", "all_", "same"), [(5, 75.0, 50.0), (7, 93.75, 87.5), (0, 6.25, 12.5)])
def test_a_selector_that_only_picks_the_better_target_shows_as_that(chosen: int, all_: float, same: float) -> None:
    target = np.repeat([0, 1], 4)
    worth = np.array([0.0, 1, 2, 3, 10, 11, 11, 13])  # the second target is better throughout
    needs = SimpleNamespace(labels=True, model=True)
    selector = SimpleNamespace(name="s", keys={"selector": "s"}, needs=needs)
    lists = np.full((3, 1), chosen)
    choice = SimpleNamespace(selector=selector, lists=lambda n: lists)
    choices: Any = SimpleNamespace(random={1: np.arange(8)[:, None]}, at=lambda shots: [choice], n_judging=3)
    matrix = np.repeat(worth[:, None], 3, axis=1)
    scored = {1: ScoredSets(np.arange(8)[:, None], matrix, matrix)}
    table = selection_table("m", "d", choices, scored, np.zeros(3), target)
    good = float(np.mean(worth >= worth[chosen]))  # every query agrees, so that only luck could explain it
    assert table["p"].tolist() == pytest.approx([good, good] if worth[chosen] > worth.mean() else [1.0, 1.0])
    assert table["percentile"].tolist() == [all_, all_]
    assert table["percentile_same_target"].tolist() == [same, same]


def test_lists_for_each_query_are_tested_query_by_query() -> None:
    """One list may be lucky in all queries at once; a list for each query is drawn anew in each."""
    generator = np.random.default_rng(0)
    matrix = generator.random((8, 12))
    needs = SimpleNamespace(labels=False)
    selector = SimpleNamespace(name="s", keys={"selector": "s"}, needs=needs)
    lists = matrix.argmax(axis=0)[:, None]
    choice = SimpleNamespace(selector=selector, lists=lambda n: lists)
    choices: Any = SimpleNamespace(random={1: np.arange(8)[:, None]}, at=lambda shots: [choice], n_judging=12)
    scored = {1: ScoredSets(np.arange(8)[:, None], matrix, matrix)}
    row = selection_table("m", "d", choices, scored, np.zeros(12)).iloc[0]
    differences = matrix.max(axis=0) - matrix.mean(axis=0)
    limits = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert row["p"] == pytest.approx(stats.ttest_1samp(differences, 0, alternative="greater").pvalue)
    assert (row["low"], row["high"]) == pytest.approx((limits.low, limits.high))


def test_over_tasks_models_and_masks_are_averaged_first() -> None:
    rows = [
        {"selector": "a", "direction": "", "features": "f", "shots": 1, "metric": "performance", "dataset": dataset,
         "model": model, "score": score, "random_mean": 0.5, "percentile": 100 * score, "percentile_same_target": 50.0}
        for dataset, model, score in (("d", "m", 0.6), ("d", "n", 0.8), ("e", "m", 0.6), ("e", "n", np.nan))
    ]  # fmt: skip
    other = [row | {"selector": "random", "score": 0.5} for row in rows]
    means = selectors_over_tasks(pd.DataFrame([*rows, *other])).set_index("selector")
    test = stats.ttest_1samp([0.2, 0.1], 0, alternative="greater")
    assert (means.loc["a", "difference"], means.loc["a", "p"]) == pytest.approx((0.15, test.pvalue))
    assert means.loc["a", "p_family"] == means.loc["a", "p"]  # random choice is no test
    assert np.isnan(means.loc["random", "p_family"])
