"""Ranks within targets, against scipy and against counting pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.analysis.controls import pairwise_rho
from benchmark.analysis.ranking import rank, spearman
from benchmark.analysis.resampling import Resampled, permutation_null, weighted_rho
from benchmark.analysis.strata import by_target, everybody


def within(x: np.ndarray, y: np.ndarray, target: np.ndarray) -> float:
    """The definition, written down: scaled and centred mid-ranks within each target, then one Pearson correlation."""
    a, b = np.zeros(len(x)), np.zeros(len(x))
    for name in set(target.tolist()):
        group = np.flatnonzero(target == name)
        for ranks, values in ((a, x), (b, y)):
            own = stats.rankdata(values[group])
            ranks[group] = (own - own.mean()) / (len(group) + 1)
    return float((a @ b) / np.sqrt((a @ a) * (b @ b)))


def draws(seed: int, n: int, targets: int, levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.integers(0, targets, n)
    x = rng.integers(0, levels, n) + target
    return x.astype(float), (x + rng.integers(0, levels, n)).astype(float), target


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("levels", [3, 10_000])
@pytest.mark.parametrize("targets", [2, 5, 40])
def test_rho_given_the_target_is_its_definition(seed: int, levels: int, targets: int) -> None:
    x, y, target = draws(seed, 120, targets, levels)
    ranking = rank(x[None], y[None], by_target(target))
    assert ranking.rho.item() == pytest.approx(within(x, y, target), abs=1e-12)
    assert pairwise_rho(x, y, by_target(target)) == pytest.approx(within(x, y, target), abs=1e-12)


def test_with_one_target_nothing_is_held_fixed() -> None:
    x, y, _ = draws(0, 60, 1, 8)
    target = np.full(60, 7)
    assert rank(x[None], y[None], by_target(target)).rho.item() == spearman(x[None], y[None]).item()
    assert by_target(target).n == everybody(60).n == 60


@given(st.integers(0, 1000), st.integers(1, 12))
def test_a_shift_of_each_target_and_a_monotone_change_leave_it_alone(seed: int, targets: int) -> None:
    x, y, target = draws(seed, 40, targets, 1000)
    shifted = np.exp(x / 500) + 10.0 * target
    same = [rank(rows[None], y[None], by_target(target)).rho.item() for rows in (x, shifted)]
    assert same[0] == pytest.approx(same[1], abs=1e-12, nan_ok=True)


def test_a_score_that_is_the_target_is_undefined_and_says_why() -> None:
    _, y, target = draws(1, 60, 3, 50)
    ranking = rank(np.stack([target * 2.0, np.full(60, 1.0)]), y[None], by_target(target))
    assert ranking.score_reasons == ["constant within every target", "constant"]
    assert np.isnan(ranking.rho).all()


def test_a_problem_with_the_targets_leaves_all_undefined() -> None:
    x, y, target = draws(2, 60, 3, 50)
    ranking = rank(x[None], y[None], by_target(target), "nearly all targets differ")
    assert ranking.score_reasons == ranking.outcome_reasons == ["nearly all targets differ"]
    assert np.isnan(ranking.rho).all()


def test_one_candidate_a_target_leaves_nothing_to_compare() -> None:
    x, y, _ = draws(3, 30, 1, 50)
    ranking = rank(x[None], y[None], by_target(np.arange(30)))
    assert ranking.n == 1
    assert ranking.score_reasons == ["fewer than 4 observations"]


def test_permutations_keep_each_candidate_in_its_target() -> None:
    _, _, target = draws(4, 50, 6, 10)
    orders = by_target(target).permutations(200, np.random.default_rng(0))
    assert (np.sort(orders, axis=1) == np.arange(50)).all()
    assert (target[orders] == target).all()
    first = np.flatnonzero(target == target[0])
    counts = (orders[:, first[0], None] == first).sum(axis=0)
    assert counts.min() > 200 / len(first) / 3, "every place is as likely"


def test_the_null_given_the_target_is_that_of_a_loop() -> None:
    x, y, target = draws(5, 40, 4, 6)
    strata = by_target(target)
    ranking = rank(np.stack([x, -x * x]), np.stack([y, y[::-1]]), strata)
    pool = Resampled("a", strata, ranking.x, ranking.y)
    chosen = np.array([[True, True], [True, False]])
    nulls = permutation_null([pool], {"f": [chosen]}, 50, np.random.default_rng(1))
    (stream,) = np.random.default_rng(1).spawn(1)
    orders = strata.permutations(50, stream)
    loop = np.array([[abs(within(s, y[o], target)) for s in (x, -x * x)] for o in orders])
    np.testing.assert_allclose(nulls["f"].maxima[:, 0, 0], loop.max(axis=1), atol=1e-12)
    alone = np.array([abs(within(x, y[::-1][o], target)) for o in orders])
    np.testing.assert_allclose(nulls["f"].maxima[:, 0, 1], alone, atol=1e-12)
    assert nulls["f"].histogram.sum() == 50 * 3


@pytest.mark.parametrize("targets", [1, 3, 15])
def test_bootstrap_weights_are_as_good_as_repeating_candidates(targets: int) -> None:
    x, y, target = draws(6, 45, targets, 7)
    strata = by_target(target)
    rng = np.random.default_rng(2)
    weights = rng.multinomial(45, np.full(45, 1 / 45), size=8).astype(np.int32)
    ranking = rank(np.stack([x, rng.standard_normal(45)]), y[None], strata)
    found = weighted_rho(ranking.x, ranking.y, weights, strata)
    for b in range(8):
        again = np.repeat(np.arange(45), weights[b])
        for c, row in enumerate(ranking.x):
            expected = within(row[again], y[again], target[again])
            assert found[b, c, 0] == pytest.approx(expected, abs=1e-12)
