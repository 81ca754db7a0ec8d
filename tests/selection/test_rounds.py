from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from benchmark.selection import create, names
from benchmark.selection.rounds import label_in_rounds, random_orders, unlabelled
from tests.selection.conftest import make_pool

BUDGETS = (2, 5, 9)


def test_only_selectors_that_need_no_label_and_no_model_take_part() -> None:
    pool = make_pool(30)
    taking_part = unlabelled(pool, names())
    assert {each.name for each in taking_part} >= {"k_means", "ideal", "perplexity", "activation_max_abs"}
    for each in taking_part:
        assert not each.needs.labels
        assert each.mask in ("", *pool.unlabelled_masks)
        assert each.plan(pool, 2, np.random.default_rng(0)) is None


def test_labels_are_bought_once_each_and_no_earlier_round_depends_on_a_later_budget() -> None:
    pool = make_pool(30)
    for each in unlabelled(pool, names()):
        order = label_in_rounds(each, pool, BUDGETS, 1)
        assert len(set(order.tolist())) == len(order) == 9
        assert label_in_rounds(each, pool, BUDGETS[:2], 1).tolist() == order[:5].tolist()


def test_labels_and_judging_queries_are_not_seen() -> None:
    pool = make_pool(30)
    assert pool.gain is not None
    other = replace(pool, gain=pool.gain[::-1], asked_inputs=("other",) * 6)
    for each in unlabelled(pool, names()):
        np.testing.assert_array_equal(label_in_rounds(each, pool, BUDGETS, 1), label_in_rounds(each, other, BUDGETS, 1))


def test_budgets_rise_and_fit_the_pool() -> None:
    pool = make_pool(8)
    (each,) = create(replace(pool, feature_names=("tfidf",)), ["ideal"])
    with pytest.raises(BenchmarkError, match="only 8 candidates for a budget of 9: set budgets up to 8"):
        label_in_rounds(each, pool, BUDGETS, 1)
    with pytest.raises(BenchmarkError, match="do not rise"):
        label_in_rounds(each, pool, (4, 2), 1)


def test_random_orders_repeat_no_candidate() -> None:
    orders = random_orders(10, 50, 6, np.random.default_rng(0))
    assert orders.shape == (50, 6)
    assert all(len(set(row)) == 6 for row in orders.tolist())
    assert set(orders[:, 0].tolist()) == set(range(10))
