from __future__ import annotations

import numpy as np
import pytest

from benchmark.analysis.learning import areas, curves, holm, learning_rows, ranks

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
    orders = np.stack([np.random.default_rng(seed).permutation(8)[:4] for seed in range(5)])
    random, nearest = curves(orders, BUDGETS, values, nearness)
    for row, order in enumerate(orders.tolist()):
        for column, budget in enumerate(BUDGETS):
            labelled = order[:budget]
            assert random[row, column] == pytest.approx(np.mean([values[i] for i in labelled]))
            best = [min(labelled, key=lambda i, q=q: nearness[i, q]) for q in range(3)]  # type: ignore[misc]
            assert nearest[row, column] == pytest.approx(np.mean([values[i, q] for q, i in enumerate(best)]))


def test_the_area_is_the_mean_over_the_logarithm_of_the_budget() -> None:
    assert areas(np.array([0.3, 0.3, 0.3]), (4, 8, 128)) == pytest.approx(0.3)
    assert areas(np.array([0.0, 1.0, 1.0]), (4, 8, 16)) == pytest.approx(0.75)
    assert areas(np.array([0.2]), (4,)) == pytest.approx(0.2)


def test_holm_is_the_largest_of_the_steps_before() -> None:
    assert holm(np.array([0.04, 0.01, 0.03])).tolist() == pytest.approx([0.06, 0.03, 0.06])
    assert holm(np.array([0.5, 0.9])).tolist() == [1.0, 1.0]


def test_the_best_order_is_beyond_chance_and_random_orders_are_not_more_often_than_they_should() -> None:
    generator = np.random.default_rng(1)
    values = generator.random((40, 1)) + 0.05 * generator.random((40, 6))
    nearness = ranks(generator.random((40, 6)), np.arange(40))
    random = np.stack([generator.permutation(40)[:8] for _ in range(999)])
    orders = np.stack([np.argsort(-values[:, 0])[:8], *(generator.permutation(40)[:8] for _ in range(200))])
    keys = [{"selector": f"s{i}"} for i in range(len(orders))]
    table = learning_rows(keys, orders, random, (2, 4, 8), {"performance": values}, nearness)
    assert len(table) == 201 * 2 * 3
    best = table[(table.selector == "s0") & (table.rule == "random")]
    assert best.p.tolist() == pytest.approx([1 / 1000] * 3)
    assert (best.score > best.random_high).all()
    others = table[(table.selector != "s0") & (table.rule == "random") & (table.budget == 2)]
    assert np.mean(others.p <= 0.1) == pytest.approx(0.1, abs=0.06)
    assert (others.p_family >= others.p).all()
