from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis.reliability import _by_target, spearman_brown, split_half


def test_it_is_the_mean_over_splits_by_hand() -> None:
    matrix = np.random.default_rng(0).normal(size=(40, 1)) + np.random.default_rng(1).normal(size=(40, 7))
    found = split_half(matrix, 5, np.random.default_rng(2))
    orders = np.random.default_rng(2).permuted(np.tile(np.arange(7), (5, 1)), axis=1)
    halves = [
        stats.spearmanr(matrix[:, order[:3]].mean(axis=1), matrix[:, order[3:]].mean(axis=1)).statistic
        for order in orders
    ]
    assert found.half == pytest.approx(np.mean(halves), abs=1e-12)
    assert found.sd == pytest.approx(np.std(halves, ddof=1), abs=1e-12)
    assert found.value == pytest.approx(2 * np.mean(halves) / (1 + np.mean(halves)), abs=1e-12)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("reliability", [0.2, 0.6, 0.9])
def test_known_reliability_is_found(reliability: float) -> None:
    rng = np.random.default_rng(3)
    noise = np.sqrt(40 * (1 - reliability) / reliability)
    matrix = rng.standard_normal((12_000, 1)) + noise * rng.standard_normal((12_000, 40))
    found = split_half(matrix, 20, rng)
    assert found.value == pytest.approx(reliability, abs=0.04)
    assert found.ceiling == pytest.approx(np.sqrt(reliability), abs=0.04)


def test_a_perfect_score_does_not_pass_the_ceiling() -> None:
    rng = np.random.default_rng(4)
    truth = rng.standard_normal(2000)
    matrix = truth[:, None] + 8 * rng.standard_normal((2000, 30))
    rho = stats.spearmanr(truth, matrix.mean(axis=1)).statistic
    assert rho == pytest.approx(split_half(matrix, 30, rng).ceiling, abs=0.05)


def test_what_does_not_vary_has_no_reliability() -> None:
    rng = np.random.default_rng(5)
    assert split_half(np.ones((30, 8)), 10, rng).undefined == "constant in a half of the queries"
    assert split_half(np.ones((30, 1)), 10, rng).undefined == "fewer than 2 queries"
    assert np.isnan(split_half(np.ones((30, 8)), 10, rng).ceiling)


def test_negative_agreement_leaves_no_room_at_all() -> None:
    matrix = np.array([[1.0, 4], [2, 3], [3, 2], [4, 1], [5, 0]])
    found = split_half(matrix, 4, np.random.default_rng(0))
    assert found.half == -1.0
    assert found.ceiling == 0.0


def test_spearman_brown() -> None:
    assert spearman_brown(0.5) == pytest.approx(2 / 3)
    assert spearman_brown(1.0) == 1.0


def test_halves_of_equal_answers_do_not_measure_which_answers_they_hold() -> None:
    rng = np.random.default_rng(6)
    target = np.arange(300) % 2  # a demonstration helps the queries that have its own answer, and nothing else
    answers = np.arange(48) % 2
    matrix = 5.0 * (target[:, None] == answers) + rng.standard_normal((300, 1)) + rng.standard_normal((300, 48))
    plain = split_half(matrix, 100, np.random.default_rng(7))
    balanced = split_half(matrix, 100, np.random.default_rng(7), query_target=answers)
    assert balanced.value > 0.95
    assert balanced.value > plain.value + 0.03


def test_halves_hold_as_many_queries_of_each_answer() -> None:
    answers = np.array([3, 3, 3, 3, 1, 1, 1, 2])
    rng = np.random.default_rng(8)
    order = _by_target(rng.permuted(np.tile(np.arange(8), (50, 1)), axis=1), answers, rng)
    assert (np.sort(order, axis=1) == np.arange(8)).all()
    for half in (order[:, ::2], order[:, 1::2]):
        assert ((answers[half] == 3).sum(axis=1) == 2).all()
        assert (np.abs((answers[half] == 1).sum(axis=1) - 1.5) <= 0.5).all()


def test_where_every_answer_differs_halves_are_random() -> None:
    rng = np.random.default_rng(9)
    order = _by_target(rng.permuted(np.tile(np.arange(6), (4000, 1)), axis=1), np.arange(6), rng)
    together = np.mean([(np.isin(row[::2], [0, 1]).sum() != 1) for row in order])
    assert together == pytest.approx(0.4, abs=0.04)  # 2 of 5 places in the same half
