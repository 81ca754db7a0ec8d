from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis import resampling
from benchmark.analysis.resampling import (
    Null,
    Resampled,
    bootstrap_errors,
    bootstrap_rho,
    fisher_errors,
    histogram_counts,
    limits,
    lower_limit,
    permutation_null,
    weighted_rho,
)
from benchmark.analysis.spearman import centred_ranks, correlate_ranks, standard_error
from benchmark.analysis.strata import everybody


def tied(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    return rng.integers(0, 8, (rows, n)).astype(float)


def pool(group: str, x: np.ndarray, y: np.ndarray) -> Resampled:
    return Resampled(group, everybody(x.shape[1]), x, y)


def everything(rho: np.ndarray) -> dict[str, list[np.ndarray]]:
    return {"all": [np.ones(rho.shape, dtype=bool)]}


def null_of_all(pools: list[Resampled], permutations: int, rng: np.random.Generator) -> Null:
    chosen = [np.ones((len(p.x), len(p.y)), dtype=bool) for p in pools]
    return permutation_null(pools, {"all": chosen}, permutations, rng)["all"]


def test_null_is_that_of_a_loop_over_scipy() -> None:
    rng = np.random.default_rng(0)
    scores = [tied(rng, 3, 30), rng.standard_normal((2, 30)), rng.standard_normal((2, 20))]
    outcomes = [tied(rng, 2, 30), rng.standard_normal((2, 30)), rng.standard_normal((2, 20))]
    groups = ["a", "a", "b"]
    pools = [pool(g, centred_ranks(s), centred_ranks(t)) for g, s, t in zip(groups, scores, outcomes, strict=True)]
    null = null_of_all(pools, 25, np.random.default_rng(7))
    streams = np.random.default_rng(7).spawn(2)
    orders = {
        name: stream.permuted(np.tile(np.arange(n), (25, 1)), axis=1)
        for name, n, stream in zip("ab", (30, 20), streams, strict=True)
    }
    every = []
    for p, group in enumerate(groups):
        for t in range(2):
            loop = np.array(
                [
                    [abs(stats.spearmanr(score, outcomes[p][t][order]).statistic) for score in scores[p]]
                    for order in orders[group]
                ]
            )
            np.testing.assert_allclose(null.maxima[:, p, t], loop.max(axis=1), atol=1e-12)
            observed = [abs(stats.spearmanr(score, outcomes[p][t]).statistic) for score in scores[p]]
            np.testing.assert_array_equal(null.at_least[p][:, t], (loop >= np.array(observed) - 1e-9).sum(axis=0))
            every.append(loop.ravel())
    np.testing.assert_array_equal(null.histogram, histogram_counts(np.concatenate(every)))


def test_pools_of_a_dataset_are_permuted_together_and_datasets_apart() -> None:
    rng = np.random.default_rng(1)
    x, y = centred_ranks(rng.standard_normal((4, 50))), centred_ranks(rng.standard_normal((2, 50)))
    null = null_of_all([pool(group, x, y) for group in "aab"], 50, np.random.default_rng(0))
    np.testing.assert_array_equal(null.maxima[:, 0], null.maxima[:, 1])
    assert (null.maxima[:, 0] != null.maxima[:, 2]).any()


@pytest.mark.parametrize("block", [1, 333, 10_000])
def test_the_size_of_a_block_changes_nothing(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    rng = np.random.default_rng(2)
    pools = [pool("a", centred_ranks(tied(rng, 5, 40)), centred_ranks(rng.standard_normal((2, 40))))]

    def run() -> tuple[np.ndarray, ...]:
        null = null_of_all(pools, 37, np.random.default_rng(3))
        drawn = bootstrap_rho(pools, 37, np.random.default_rng(3))[0]
        return null.maxima, null.at_least[0], null.histogram, drawn

    whole = run()
    monkeypatch.setattr(resampling, "BLOCK", block)
    for a, b in zip(whole, run(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_undefined_rows_are_left_out_of_the_null() -> None:
    rng = np.random.default_rng(3)
    x = centred_ranks(rng.standard_normal((3, 30)))
    y = centred_ranks(rng.standard_normal((2, 30)))
    x[1], y[1] = 0, 0
    null = null_of_all([pool("a", x, y)], 20, np.random.default_rng(0))
    assert null.histogram.sum() == 2 * 20
    assert (null.maxima[:, 0, 1] == 0).all()
    assert (null.maxima[:, 0, 0] > 0).all()


@pytest.mark.parametrize(("n", "quantile"), [(50, 0.51), (100, 0.36), (200, 0.26)])
def test_null_of_200_independent_cells_is_the_known_one(n: int, quantile: float) -> None:
    rng = np.random.default_rng(n)
    x, y = centred_ranks(rng.standard_normal((200, n))), centred_ranks(rng.standard_normal((1, n)))
    null = null_of_all([pool("a", x, y)], 2000, rng)
    assert np.quantile(null.maxima, 0.95) == pytest.approx(quantile, abs=0.015)


def test_p_of_the_family_counts_the_observation_itself() -> None:
    rng = np.random.default_rng(4)
    x, y = centred_ranks(rng.standard_normal((5, 30))), centred_ranks(rng.standard_normal((1, 30)))
    null = null_of_all([pool("a", x, y)], 99, rng)
    assert null.p_values(np.array([1.0, 0.0])).tolist() == [0.01, 1.0]
    assert np.isnan(null.p_values(np.array([np.nan]))[0])


def test_weights_are_as_good_as_repeating_candidates() -> None:
    rng = np.random.default_rng(5)
    x, y = np.concatenate([tied(rng, 3, 25), rng.standard_normal((1, 25))]), tied(rng, 2, 25)
    weights = rng.multinomial(25, np.full(25, 1 / 25), size=6).astype(np.int32)
    rho = weighted_rho(centred_ranks(x), centred_ranks(y), weights, everybody(25))
    for b in range(6):
        again = np.repeat(np.arange(25), weights[b])
        for c in range(len(x)):
            for t in range(len(y)):
                expected = stats.spearmanr(x[c, again], y[t, again]).statistic
                assert rho[b, c, t] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [16_383, 16_384])  # the first whose ranks take more than 16 bits
def test_ranks_of_many_candidates_do_not_overflow(n: int) -> None:
    rng = np.random.default_rng(7)
    x, y = np.sort(rng.standard_normal((1, n))), np.sort(rng.integers(0, 50, (1, n)).astype(float))
    weights = rng.multinomial(n, np.full(n, 1 / n), size=3)
    rho = weighted_rho(centred_ranks(x), centred_ranks(y), weights, everybody(n))
    for b in range(3):
        again = np.repeat(np.arange(n), weights[b])
        assert rho[b, 0, 0] == pytest.approx(stats.spearmanr(x[0, again], y[0, again]).statistic, abs=1e-12)


def test_a_sample_that_leaves_a_score_constant_has_no_rho() -> None:
    x, y = centred_ranks(np.array([[0.0, 0, 0, 1]])), centred_ranks(np.array([[1.0, 2, 3, 4]]))
    rho = weighted_rho(x, y, np.array([[2, 2, 0, 0]], dtype=np.int32), everybody(4))
    assert np.isnan(rho).all()


def test_bootstrap_errors_are_about_those_of_the_formula() -> None:
    rng = np.random.default_rng(6)
    y = rng.standard_normal((1, 300))
    x = np.concatenate([0.5 * y + rng.standard_normal((1, 300)), rng.standard_normal((3, 300))])
    ranks = centred_ranks(x), centred_ranks(y)
    rho = correlate_ranks(*ranks)
    drawn = bootstrap_rho([pool("a", *ranks)], 800, rng)
    errors = bootstrap_errors([rho], drawn, everything(rho), [300], 0.05)["all"]
    np.testing.assert_allclose(errors.standard_errors[0], standard_error(rho, 300), rtol=0.15)
    assert 2.2 < errors.critical < 2.9  # four nearly independent cells: 2.49


def test_simultaneous_limits_cover_all_cells_as_often_as_they_say() -> None:
    rng, covered = np.random.default_rng(8), {"bootstrap": 0, "fisher": 0}
    for _ in range(150):
        common = rng.standard_normal(120)
        x = centred_ranks(0.7 * common + 0.7 * rng.standard_normal((12, 120)))
        y = centred_ranks(rng.standard_normal((1, 120)))
        rho = correlate_ranks(x, y)
        null = null_of_all([pool("a", x, y)], 200, rng)
        drawn = bootstrap_rho([pool("a", x, y)], 200, rng)
        both = {
            "bootstrap": bootstrap_errors([rho], drawn, everything(rho), [120], 0.1)["all"],
            "fisher": fisher_errors([standard_error(rho, 120)], null, everything(rho)["all"], [120], 0.1),
        }
        for method, errors in both.items():
            low, high = limits(rho, errors.standard_errors[0], errors.critical)
            covered[method] += bool(((low <= 0) & (high >= 0)).all())
    for method, count in covered.items():
        assert 0.83 < count / 150 < 0.97, method  # 0.9, less or more 3 standard errors


def test_lower_limit_is_that_of_the_absolute_value() -> None:
    assert lower_limit(np.array([-0.6]), np.array([0.05]), 2.0) == pytest.approx(np.tanh(np.arctanh(0.6) - 0.1))
    assert lower_limit(np.array([0.05]), np.array([0.05]), 2.0) == 0.0


def test_a_limit_is_nothing_where_chance_makes_as_much() -> None:
    rho, error = np.array([0.5, -0.6, np.nan]), np.zeros(3)  # a few that agree by luck agree in every sample
    np.testing.assert_array_equal(lower_limit(rho, error, 3.0, chance=0.5), [0.0, np.tanh(np.arctanh(0.6)), np.nan])


def test_what_chance_reaches_in_a_small_pool_hides_nothing_in_a_large_one() -> None:
    rng = np.random.default_rng(9)
    pools = [
        pool(name, *(centred_ranks(rng.standard_normal((k, n))) for k in (9, 1))) for name, n in (("a", 6), ("b", 600))
    ]
    null = null_of_all(pools, 2000, rng)
    small, large = null.reached([6, 600], 0.05)
    assert small > 1  # not even all six in order
    # 18 cells of which the small pool's reach less than normal ones do: Bonferroni's limit is 2.99 standard errors
    assert 2.6 < large * np.sqrt(599) < 3.0
    assert np.mean(null.maxima[:, 1, 0] > large) < 0.05 < np.mean(null.maxima.max(axis=(1, 2)) > large)


def test_too_few_candidates_have_no_standard_error_and_do_not_widen_that_of_others() -> None:
    rng = np.random.default_rng(10)
    pools = [
        pool(name, *(centred_ranks(rng.standard_normal((k, n))) for k in (9, 1))) for name, n in (("a", 8), ("b", 100))
    ]
    rho = [correlate_ranks(p.x, p.y) for p in pools]
    chosen = {"all": [np.ones(r.shape, dtype=bool) for r in rho]}
    drawn = bootstrap_rho(pools, 200, rng)
    few, enough = bootstrap_errors(rho, drawn, chosen, [8, 100], 0.05)["all"].standard_errors
    assert np.isnan(few).all()
    assert (enough > 0).all()
    alone = bootstrap_errors(rho[1:], drawn[1:], {"all": chosen["all"][1:]}, [100], 0.05)["all"]
    assert bootstrap_errors(rho, drawn, chosen, [8, 100], 0.05)["all"].critical == alone.critical
    null = null_of_all(pools, 200, rng)
    assert fisher_errors(rho, null, chosen["all"], [8, 100], 0.05).critical < 4 < artanh_of_one(null)


def artanh_of_one(null: Null) -> float:
    """What a rho of 1 in the small pool would make of the critical value."""
    return float(np.arctanh(np.minimum(null.maxima[:, 0], 1 - 1e-12)).max() * np.sqrt(5))
