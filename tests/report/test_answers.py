from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmark.report.answers import active_learning, luck, selection
from benchmark.report.results import Results, read_results
from tests.report.synthetic import write_results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder: Path = tmp_path_factory.mktemp("results")
    write_results(folder)
    return read_results(folder)


def answer(results: Results, areas: pd.DataFrame) -> str:
    said = active_learning(replace(results, tables={**results.tables, "learning_areas": areas}))
    assert said is not None
    return said


def test_no_where_activations_never_beat_random_choice(results: Results) -> None:
    said = active_learning(results)
    assert said is not None
    assert said.startswith(
        "No. Over the 2 tasks, none of 1 ways to choose beats random choice beyond chance, the best being kurtosis ↑ "
        "under input with the "
    )
    assert "on single tasks none does. Without activations, none of 1 other ways" in said
    assert said.endswith(
        "on single tasks some do (topic), by most perplexity ↓ on topic with tiny llama: +5.0 points (95 % interval "
        "+3.0 to +7.0)."
    )


def test_here_and_there_or_yes_where_they_do(results: Results) -> None:
    areas = results.tables["learning_areas"]
    ours = (areas["selector"] == "activation_kurtosis") & (areas["metric"] == "performance")
    one = areas.assign(p_family=areas["p_family"].mask(ours & (areas["dataset"] == "sentiment"), 0.02))
    assert answer(results, one).startswith("Here and there. Over the 2 tasks, none of 1 ways")
    assert "; but on single tasks some do (sentiment), by most kurtosis ↑ under input on sentiment" in answer(
        results, one
    )
    overall = areas.assign(p_family=areas["p_family"].mask(ours & (areas["dataset"] == ""), 0.02))
    assert answer(results, overall).startswith("Yes. Over the 2 tasks, 1 of 1 ways to choose beat random choice")


def test_the_other_metric_answers_nothing(results: Results) -> None:
    areas = results.tables["learning_areas"]
    other = areas.assign(p_family=areas["p_family"].mask(areas["metric"] == "gain", 0.001))
    assert answer(results, other) == active_learning(results)


def test_selectors_are_counted_at_each_number_of_shots_without_the_oracle(results: Results) -> None:
    said = selection(results)
    assert said is not None
    assert said.startswith("With 1 shot, over the 2 tasks, ")
    assert said.count(" ways to choose beat") == 3
    assert "oracle" not in said


def test_an_interval_that_leaves_out_0_is_explained_where_p_does_not_agree() -> None:
    row = {"low": 0.03, "high": 0.51, "p_family": 1.0}
    assert "of 81 that were tried some leave out 0 by luck (p = 1.00 once all are counted)" in luck(row, 81)
    assert luck(row | {"low": -0.03}, 81) == ""


def test_a_selector_that_beats_random_choice_on_one_task_is_named(results: Results) -> None:
    """Where its p survives Holm's correction over all selectors and pools of as many shots."""
    table = results.tables["selection"]
    one = (table["dataset"] == "topic") & (table["selector"] == "perplexity") & (table["shots"] == 1)
    tests = ((table["metric"] == "performance") & (table["shots"] == 1) & ~table["selector"].isin(["oracle"])).sum()

    def said(p: float) -> str:
        changed = table.assign(p=table["p"].mask(one, p), low=table["low"].mask(one, 0.02))
        found = selection(replace(results, tables={**results.tables, "selection": changed}))
        assert found is not None
        return found.split("With 4 shots")[0]

    assert "on single tasks none does" in said(0.051)
    assert "on single tasks some do (topic), by most perplexity" in said(0.04 / tests)
    assert "(95 % interval +2.0 to +5.0)" in said(0.04 / tests)


def test_without_tables_there_is_no_answer(results: Results) -> None:
    empty = replace(results, tables={})
    assert active_learning(empty) is None
    assert selection(empty) is None
