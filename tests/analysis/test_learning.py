from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.analysis.learning import Chance, corrected, learning_tables, means, nearest, over_tasks, ranks, weights
from benchmark.artefacts.learning import METHOD, read_learning, write_learning
from benchmark.selection.rounds import random_orders

BUDGETS = (1, 2, 4)


def example(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    values, likeness = generator.random((8, 3)), np.round(generator.random((8, 3)), 1)
    return values, likeness, ranks(likeness, generator.permutation(8))


def test_ranks_go_by_likeness_and_part_ties() -> None:
    _, likeness, found = example()
    for query in range(3):
        assert sorted(found[:, query].tolist()) == list(range(8))
        by_rank = likeness[np.argsort(found[:, query]), query]
        assert (np.diff(by_rank) <= 0).all()


def test_a_curve_is_the_mean_over_what_is_labelled_or_the_nearest_of_it() -> None:
    values, _, nearness = example()
    orders = random_orders(8, 5, 4, np.random.default_rng(0))
    random, best = means(orders, BUDGETS, values), nearest(orders, BUDGETS, nearness)
    for row, order in enumerate(orders.tolist()):
        for column, budget in enumerate(BUDGETS):
            labelled = order[:budget]
            for q in range(3):
                assert random[row, column, q] == pytest.approx(np.mean([values[i, q] for i in labelled]))
                assert best[row, column, q] == min(nearness[i, q] for i in labelled)


def test_the_nearest_rule_shows_the_nearest_that_is_labelled() -> None:
    values, _, nearness = example()
    orders = random_orders(8, 2, 4, np.random.default_rng(0))
    keys = [
        {"model": "m", "dataset": "d", "selector": name, "direction": "", "mask": "", "features": ""} for name in "ab"
    ]
    chance = Chance(random_orders(8, 50, 4, np.random.default_rng(1)), BUDGETS, nearness)
    found, _ = learning_tables(keys, orders, chance, {"gain": values})
    rows = found[(found.rule == "nearest") & (found.selector != "random")].set_index(["selector", "budget"])
    for name, order in zip("ab", orders.tolist(), strict=True):
        for budget in BUDGETS:
            best = [min(order[:budget], key=lambda i, q=q: nearness[i, q]) for q in range(3)]  # type: ignore[misc]
            assert rows.loc[(name, budget), "score"] == pytest.approx(
                np.mean([values[i, q] for q, i in enumerate(best)])
            )


def test_random_choice_is_the_mean_over_all_orders() -> None:
    """Of four candidates there are 24 orders: the expected curve of either rule, and the area of each order."""
    values, _, nearness = example()
    values, nearness = values[:4], ranks(-nearness[:4].astype(float), np.arange(4))
    every = np.array(list(permutations(range(4))))
    keys = [
        {"model": "m", "dataset": "d", "selector": str(i), "direction": "", "mask": "", "features": ""}
        for i in range(24)
    ]
    found, areas = learning_tables(keys, every, Chance(every, (1, 2, 4), nearness), {"gain": values})
    for rule in ("random", "nearest"):
        of_rule = found[found.rule == rule]
        expected = of_rule[of_rule.selector != "random"].groupby("budget")["score"].mean()
        assert of_rule[of_rule.selector == "random"].set_index("budget")["score"].to_dict() == pytest.approx(
            expected.to_dict()
        )
        tested = areas[areas.rule == rule]
        assert tested.difference.mean() == pytest.approx(0, abs=1e-12)
        by_rank = tested.area.rank(ascending=False, method="max") / 24
        assert (25 * tested.p_orders - 1).tolist() == pytest.approx((24 * by_rank).tolist())


@pytest.mark.parametrize("budgets", [(4, 8, 16), (4, 6, 128), (2, 3), (7,)])
def test_the_area_is_the_mean_over_the_logarithm_of_the_budget(budgets: tuple[int, ...]) -> None:
    share, curve = weights(budgets), np.random.default_rng(0).random(len(budgets))
    assert share.sum() == pytest.approx(1)
    x = np.log(budgets)
    expected = np.trapezoid(curve, x) / (x[-1] - x[0]) if len(budgets) > 1 else curve[0]
    assert curve @ share == pytest.approx(expected)


def tables(chosen: int = 200, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A pool of 40 where some candidates are better at every query: the best order, and `chosen` random ones."""
    generator = np.random.default_rng(seed)
    values = generator.random((40, 1)) + 0.05 * generator.random((40, 6))
    nearness = ranks(generator.random((40, 6)), np.arange(40))
    orders = np.stack([np.argsort(-values[:, 0])[:8], *random_orders(40, chosen, 8, generator)])
    keys = [{"model": "m", "dataset": "d", "selector": f"s{i}"} for i in range(len(orders))]
    keys = [key | dict.fromkeys(METHOD[1:], "") for key in keys]
    chance = Chance(random_orders(40, 999, 8, generator), (2, 4, 8), nearness)
    return learning_tables(keys, orders, chance, {"performance": values})


def test_the_best_order_is_beyond_chance() -> None:
    curve, areas = tables()
    best = areas[(areas.selector == "s0") & (areas.rule == "random")].iloc[0]
    assert best.p_orders == pytest.approx(1 / 1000)
    assert best.p == max(best.p_orders, best.p_queries) < 0.002
    assert 0 < best.low < best.difference < best.high
    assert best.difference == pytest.approx(best.area - best.random_area)
    chance = curve[(curve.selector == "random") & (curve.rule == "random")].set_index("budget")
    own = curve[(curve.selector == "s0") & (curve.rule == "random")].set_index("budget")
    assert (own.score > chance.high).all()
    assert (chance.low < chance.score).all()


def test_random_orders_are_not_beyond_chance_more_often_than_they_should_be() -> None:
    """The queries alone would call a lucky order better in half of all cases: they agree with one another here."""
    _, areas = tables()
    others = areas[(areas.selector != "s0") & (areas.rule == "random")]
    assert np.mean(others.p_orders <= 0.1) == pytest.approx(0.1, abs=0.06)
    assert np.mean(others.p_queries <= 0.1) > 0.3
    assert np.mean(others.p <= 0.1) <= 0.16


def test_over_tasks_the_tasks_are_tested() -> None:
    _, first = tables(2, 1)
    _, second = tables(2, 2)
    pools = [first, first.assign(model="other", difference=first.difference + 0.02), second.assign(dataset="e")]
    means = over_tasks(pd.concat(pools))
    assert set(means["dataset"]) == set(means["model"]) == {""}
    row = means[(means.selector == "s0") & (means.rule == "random")].iloc[0]
    by_task = [frame[(frame.selector == "s0") & (frame.rule == "random")].difference.item() for frame in pools]
    differences = [(by_task[0] + by_task[1]) / 2, by_task[2]]
    test = stats.ttest_1samp(differences, 0, alternative="greater")
    assert (row.difference, row.p) == pytest.approx((np.mean(differences), test.pvalue))


def test_the_correction_is_over_all_rows_of_a_metric() -> None:
    areas = pd.DataFrame({"metric": ["a", "b", "a", "b"], "rule": ["r", "r", "n", "n"], "p": [0.01, 0.5, 0.04, np.nan]})
    assert corrected(areas)["p_family"].tolist() == pytest.approx([0.02, 0.5, 0.04, np.nan], nan_ok=True)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    curve, areas = tables(2)
    write_learning(tmp_path, curve, corrected(pd.concat([areas, over_tasks(areas)])))
    read_curve, read_areas = read_learning(tmp_path)
    assert read_areas["dataset"].tolist() == [*areas["dataset"], *[""] * len(over_tasks(areas))]
    np.testing.assert_allclose(read_curve["score"], curve["score"], atol=5e-5)
    np.testing.assert_allclose(read_areas["p"][: len(areas)], areas["p"], atol=5e-7)
