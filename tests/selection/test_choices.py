from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import percentileofscore

from benchmark.analysis.selection import ScoredSets, one_shot, selection_table
from benchmark.artefacts.selection import COLUMNS
from benchmark.errors import BenchmarkError
from benchmark.selection import Choice, Choices, Pool, Selector, build_pool, choose, create, halves, names, plan
from benchmark.selection.choices import activation_scores
from tests.selection.conftest import Files, say


class Scorer:
    """Stands in for the model: a set's log-probability is the mean of its members'; keeps what it was asked."""

    def __init__(self, files: Files) -> None:
        self.matrices = files.matrices
        self.asked: list[NDArray[np.int64]] = []

    def __call__(
        self, members: NDArray[np.int64], queries: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        self.asked.append(members)
        log_probability = self.matrices["log_probability"][members].mean(axis=1)[:, queries]
        return log_probability, (log_probability > -2).astype(np.float64)


def chosen(
    files: Files, shots: tuple[int, ...] = (1, 4), seed: int = 3, draws: int = 30, families: list[str] | None = None
) -> Choices:
    pool = built(files, seed)
    chosen_by = names() if families is None else families
    answers = {entry: say(pool, prompts) for entry, prompts in plan(pool, chosen_by, shots, seed).items()}
    return choose(pool, families, shots, seed, draws, answers)


def built(files: Files, seed: int = 3) -> Pool:
    queries = halves(len(files.dataset.queries), 0.5, seed)
    parts = (files.scores, files.matrices, files.uncertainty, files.sets)
    return build_pool(files.dataset, *parts, queries, ["input"], ["tfidf", "statistics"])


def run(files: Files, **changes: Any) -> tuple[pd.DataFrame, Scorer]:
    scorer = Scorer(files)
    choices = chosen(files, **changes)
    _, judging = halves(len(files.dataset.queries), 0.5, changes.get("seed", 3))
    scored = {}
    for k in choices.random:
        if k == 1:
            scored[k] = one_shot(files.matrices, judging)
        else:
            members, asked = choices.asked(k)
            values = [np.where(asked, value, np.nan) for value in scorer(members, judging)]
            scored[k] = ScoredSets(members, *values)
    zero_shot = files.matrices["zero_shot_log_probability"][judging]
    return selection_table("m", "toy", choices, scored, zero_shot), scorer


def row(table: pd.DataFrame, selector: str, shots: int, metric: str, **keys: str) -> pd.Series[Any]:
    found = table[(table.selector == selector) & (table.shots == shots) & (table.metric == metric)]
    for key, value in keys.items():
        found = found[found[key] == value]
    assert len(found) == 1
    return found.iloc[0]


def test_the_table_has_the_columns_and_each_row_once(files: Files) -> None:
    table, _ = run(files)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == len(list(create(built(files)))) * 2 * 2
    assert not table.duplicated(["selector", "direction", "mask", "features", "shots", "metric"]).any()


def test_the_halves_part_the_queries() -> None:
    choosing, judging = halves(17, 0.5, seed=1)
    assert sorted([*choosing, *judging]) == list(range(17))
    assert (len(choosing), len(judging)) == (8, 9)
    assert halves(17, 0.5, seed=2)[0].tolist() != choosing.tolist()
    with pytest.raises(BenchmarkError, match="cannot be split"):
        halves(1, 0.5, seed=0)


def test_one_shot_scores_come_from_the_matrices_and_the_judging_queries(files: Files) -> None:
    table, _ = run(files)
    choosing, judging = halves(16, 0.5, seed=3)
    gain = files.matrices["log_probability"] - files.matrices["zero_shot_log_probability"]
    best = gain[:, choosing].mean(axis=1).argmax()
    performance = files.matrices["performance"][:, judging].mean(axis=1)
    found = row(table, "oracle", 1, "gain")
    assert found.score == pytest.approx(gain[best, judging].mean(), rel=1e-5)
    assert found.random_mean == pytest.approx(gain[:, judging].mean(), rel=1e-5)
    assert row(table, "oracle", 1, "performance").score == pytest.approx(performance[best])
    assert row(table, "oracle", 1, "performance").percentile == pytest.approx(
        percentileofscore(performance, performance[best], kind="mean")
    )
    surest = files.uncertainty.perplexity.argmin()
    assert row(table, "perplexity", 1, "gain", direction="lowest").score == pytest.approx(
        gain[surest, judging].mean(), rel=1e-5
    )


def test_sets_are_scored_once_each_and_random_draws_are_the_null(files: Files) -> None:
    table, scorer = run(files, draws=20)
    assert [asked.shape[1] for asked in scorer.asked] == [4]  # nothing is asked of the model at one shot
    members = scorer.asked[0]
    assert len(np.unique(members, axis=0)) == len(members)
    random = row(table, "random", 4, "gain")
    assert random.score == random.random_mean
    assert random.random_sd > 0
    assert random.percentile == 50
    assert row(table, "oracle", 4, "gain").percentile > 95  # its best four are far above four at random


def test_a_constant_score_keeps_its_row_and_has_no_score(files: Files) -> None:
    table, _ = run(files)
    constant = table[table.selector == "activation_massive_count"]
    assert len(constant) == 2 * 2 * 2 * 2
    assert constant.score.isna().all()
    assert constant.percentile.isna().all()
    assert table[table.selector != "activation_massive_count"].score.notna().all()


def test_no_set_depends_on_the_queries_that_judge(files: Files) -> None:
    _, judging = halves(16, 0.5, seed=3)
    matrices = {**files.matrices}
    for name in ("log_probability", "performance"):
        matrices[name] = matrices[name].copy()
        matrices[name][:, judging] = matrices[name][::-1][:, judging]
    performance = files.sets[4].performance.copy()
    performance[:, judging] = 0.5
    sets = {4: replace(files.sets[4], performance=performance)}
    queries = list(files.dataset.queries)
    for j in judging:
        queries[j] = replace(queries[j], input="red cat")
    other = replace(files, matrices=matrices, sets=sets, dataset=replace(files.dataset, queries=tuple(queries)))
    for first, second in zip(chosen(files).chosen, chosen(other).chosen, strict=True):
        if first.selector.needs.queries == "each":
            assert first.members is not None
            assert second.members is not None
            assert not np.array_equal(first.members, second.members)
        else:
            np.testing.assert_array_equal(first.members, second.members)


def test_twice_is_the_same_and_families_do_not_influence_one_another(files: Files) -> None:
    whole, _ = run(files)
    pd.testing.assert_frame_equal(whole, run(files)[0])
    alone, _ = run(files, families=["activation"])
    shared = whole[whole.selector.str.startswith("activation")].reset_index(drop=True)
    pd.testing.assert_frame_equal(shared, alone)


def test_layer_mean_leaves_out_what_a_site_does_not_have(files: Files) -> None:
    values, masks, statistics = activation_scores(files.scores, "residual", "max")
    assert (masks, statistics) == (("causal", "input"), ("massive_count", "max_abs"))
    np.testing.assert_allclose(values[:, 1, 1], files.scores["scores"][:, 1, 1, 1, :, 2].mean(axis=1))
    with pytest.raises(BenchmarkError, match="lacks the site 'attention'"):
        activation_scores(files.scores, "attention")


@pytest.mark.parametrize("stale", ["scores", "matrices", "uncertainty"])
def test_files_of_another_pool_are_refused(files: Files, stale: str) -> None:
    if stale == "uncertainty":
        changed: Any = files.uncertainty.iloc[::-1]
    else:
        changed = {**getattr(files, stale), "candidates": np.array([f"x{i}" for i in range(24)])}
    with pytest.raises(BenchmarkError, match="is of another pool than dataset toy"):
        run(replace(files, **{stale: changed}))


def test_a_score_that_is_not_finite_is_refused(files: Files) -> None:
    matrices = {**files.matrices, "performance": np.full((24, 16), np.nan)}
    with pytest.raises(BenchmarkError, match="performance is not finite"):
        run(replace(files, matrices=matrices))


def test_more_shots_than_candidates_are_refused(files: Files) -> None:
    with pytest.raises(BenchmarkError, match="cannot choose 25 candidates out of 24"):
        run(files, shots=(25,))


@dataclass(frozen=True, kw_only=True)
class Rotating(Selector):
    """Stands in for a selector that chooses a list for each query: candidate q for query q, then the next ones."""

    name: str = "rotating"

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> NDArray[np.int64]:
        return (np.arange(len(pool.asked_inputs))[:, None] + np.arange(k)) % len(pool)


def test_a_list_for_each_query_is_asked_and_scored_for_that_query_alone(files: Files) -> None:
    pool = built(files)
    random = np.array([[3, 1], [0, 1]])
    lists = Rotating()(pool, 2, np.random.default_rng(0))
    choices = Choices((Choice(Rotating(), 2, lists),), {2: random}, 8)
    members, asked = choices.asked(2)
    assert members.tolist() == sorted([[3, 1], *lists.tolist()])
    for row, queries in zip(members.tolist(), asked, strict=True):
        expected = range(8) if row in random.tolist() else [lists.tolist().index(row)]
        assert np.flatnonzero(queries).tolist() == list(expected)
    log_probability = np.where(asked, np.arange(asked.size, dtype=np.float64).reshape(asked.shape), np.nan)
    scored = {2: ScoredSets(members, log_probability, log_probability / 100)}
    table = selection_table("m", "toy", choices, scored, np.full(8, 0.5))
    own = [log_probability[members.tolist().index(row), q] for q, row in enumerate(lists.tolist())]
    assert row_of(table, "gain").score == pytest.approx(np.mean(own) - 0.5)
    assert row_of(table, "performance").score == pytest.approx(np.mean(own) / 100)


def row_of(table: pd.DataFrame, metric: str) -> pd.Series[Any]:
    return table[table.metric == metric].iloc[0]


def test_a_pool_without_labels_leaves_those_that_need_them_undefined(files: Files) -> None:
    pool = replace(built(files), gain=None, random_sets=())
    answers = {entry: say(pool, prompts) for entry, prompts in plan(pool, names(), [2], 3).items()}
    for choice in choose(pool, None, [2], 3, 10, answers).chosen:
        if choice.selector.needs.labels:
            assert choice.members is None
            assert choice.reason == "it needs labels, and the pool has none"


@pytest.mark.parametrize("labels", [True, False])
def test_choices_are_the_same_from_their_arrays(files: Files, labels: bool) -> None:
    pool = built(files) if labels else replace(built(files), gain=None, random_sets=())
    answers = {entry: say(pool, prompts) for entry, prompts in plan(pool, names(), [1, 2], 3).items()}
    choices = choose(pool, None, [1, 2], 3, 10, answers)
    assert {choice.members is None for choice in choices.chosen} == {True, False} or labels
    again = Choices.read(choices.arrays(), list(create(pool)), [1, 2], choices.n_judging)
    assert again.random.keys() == choices.random.keys()
    for k, sets in choices.random.items():
        np.testing.assert_array_equal(again.random[k], sets)
        assert [part.tolist() for part in again.asked(k)] == [part.tolist() for part in choices.asked(k)]
    for one, other in zip(choices.chosen, again.chosen, strict=True):
        assert (one.selector, one.shots, one.reason) == (other.selector, other.shots, other.reason)
        assert (one.members is None) == (other.members is None)
        if one.members is not None and other.members is not None:
            np.testing.assert_array_equal(one.members, other.members)


def test_a_generative_task_leaves_those_that_need_choices_undefined(files: Files) -> None:
    pool = replace(built(files), n_choices=0)
    families = ["badge", "mdl", "vote_k"]
    assert plan(pool, families, [2], 3) == {}
    assert {choice.reason for choice in choose(pool, families, [2], 3, 10, {}).chosen} == {
        "a generative task has no labels to be sure of"
    }
