from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import entropy

from benchmark.errors import BenchmarkError
from benchmark.selection import Pool, Prompts, Selector, UndefinedError, create, names
from benchmark.selection.rounds import Asking, label_in_rounds, random_orders, unlabelled, unsure
from tests.selection.conftest import make_pool, say

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


# --- the model asked anew in each round ---


class Model:
    """Stands in for the model, as `say` does; keeps what it was asked."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.asked: list[Prompts] = []

    def __call__(self, prompts: Prompts) -> NDArray[np.float64]:
        self.asked.append(prompts)
        return say(self.pool, prompts)


def selector_of(pool: Pool, name: str, direction: str = "") -> Selector:
    (found,) = (each for each in unsure(pool, [name]) if each.direction == direction)
    return found


def test_the_model_is_asked_about_what_is_left_after_demonstrations_out_of_what_is_labelled() -> None:
    pool = make_pool(30)
    for each in unsure(pool, names()):
        model = Model(pool)
        order = label_in_rounds(each, pool, BUDGETS, 1, Asking(3, 2, model)).tolist()
        assert len(set(order)) == len(order) == 9
        assert [prompts.read for prompts in model.asked] == ["choices"] * 3
        assert [prompts.members.shape for prompts in model.asked] == [(30, 0), (2 * 28, 2), (2 * 25, 3)]
        for prompts, before in zip(model.asked, (0, 2, 5), strict=True):
            assert prompts.of == "pool"
            assert set(prompts.members.ravel().tolist()) <= set(order[:before])
            assert all(len(set(row)) == len(row) for row in prompts.members.tolist())
            asked = np.bincount(prompts.asked, minlength=30)
            assert asked[order[:before]].tolist() == [0] * before
            assert set(np.delete(asked, order[:before]).tolist()) == {len(prompts.asked) // (30 - before)}


@pytest.mark.parametrize("direction", ["highest", "lowest"])
def test_uncertainty_is_the_entropy_of_the_mean_distribution_under_what_is_labelled(direction: str) -> None:
    """Against scipy, one candidate at a time."""
    pool = make_pool(20)
    model = Model(pool)
    order = label_in_rounds(selector_of(pool, "predictive_entropy", direction), pool, (2, 4), 1, Asking(2, 3, model))
    sign = 1 if direction == "highest" else -1
    for prompts, chosen in zip(model.asked, (order[:2], order[2:]), strict=True):
        said = say(pool, prompts)
        found = {
            int(i): sign * entropy(np.mean([softmax(row) for row in said[prompts.asked == i]], axis=0))
            for i in set(prompts.asked.tolist())
        }
        assert chosen.tolist() == sorted(found, key=lambda i: -found[i])[:2]


def test_what_the_model_says_in_a_round_decides_what_is_labelled_next() -> None:
    pool = make_pool(30)
    for each in unsure(pool, names()):
        first = label_in_rounds(each, pool, BUDGETS, 1, Asking(4, 1, Model(pool))).tolist()

        def changed(prompts: Prompts) -> NDArray[np.float64]:
            said = say(pool, prompts)
            return said[::-1] if prompts.members.shape[1] else said

        other = label_in_rounds(each, pool, BUDGETS, 1, Asking(4, 1, changed)).tolist()
        assert other[:2] == first[:2]
        assert other[2:] != first[2:]


def test_who_is_asked_anew_goes_by_one_kind_of_features() -> None:
    found = [(each.name, each.direction, each.features) for each in unsure(make_pool(8), names())]
    assert len(found) == len({(name, direction) for name, direction, _ in found})
    assert ("badge", "", "tfidf") in found


def test_a_generative_task_has_no_labels_to_ask_about() -> None:
    pool = make_pool(30, n_choices=0)
    for each in unsure(pool, names()):
        with pytest.raises(UndefinedError, match="no labels"):
            label_in_rounds(each, pool, BUDGETS, 1, Asking(4, 1, Model(pool)))


def test_once_all_that_are_left_look_the_same_the_rest_is_random() -> None:
    """Two texts that differ, then 28 of one: a selector that told the two apart buys on."""
    inputs = ("red green", "seven eight", *["cat dog"] * 28)
    pool = make_pool(30, inputs=inputs, feature_names=("tfidf",))
    (k_means,) = (each for each in unlabelled(pool, ["k_means"]))
    order = label_in_rounds(k_means, pool, (3, 6), 1)
    assert set(order[:3].tolist()) >= {0, 1}
    assert len(set(order.tolist())) == 6
    alike = make_pool(30, inputs=("cat dog",) * 30, feature_names=("tfidf",))
    with pytest.raises(UndefinedError, match="the same for every candidate"):
        label_in_rounds(k_means, alike, (3, 6), 1)
