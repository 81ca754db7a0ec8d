from __future__ import annotations

import numpy as np
import pytest

from benchmark.analysis.equivalence import detection_power, equivalence_p, equivalence_power, smallest_n
from benchmark.analysis.resampling import lower_limit
from benchmark.analysis.simulation import pearson
from benchmark.analysis.spearman import centred_ranks, standard_error


def sampled_rho(rho: float, n: int, samples: int, seed: int) -> np.ndarray:
    rng, r = np.random.default_rng(seed), pearson(rho)
    x = rng.standard_normal((samples, n))
    y = r * x + np.sqrt(1 - r**2) * rng.standard_normal((samples, n))
    a, b = centred_ranks(x), centred_ranks(y)
    return np.asarray(np.einsum("sn,sn->s", a, b) / np.einsum("sn,sn->s", a, a))


@pytest.mark.parametrize(("rho", "n"), [(0.0, 100), (0.1, 200), (-0.2, 400)])
def test_power_of_equivalence_is_that_of_simulated_samples(rho: float, n: int) -> None:
    found = sampled_rho(rho, n, 2000, 0)
    share = (equivalence_p(found, standard_error(found, n), 0.33) < 0.05).mean()
    assert share == pytest.approx(float(equivalence_power(rho, n, 0.33, 0.05)), abs=0.04)


def test_a_rho_at_the_bound_is_called_equivalent_as_seldom_as_alpha() -> None:
    found = sampled_rho(0.33, 300, 3000, 1)
    share = (equivalence_p(found, standard_error(found, 300), 0.33) < 0.05).mean()
    assert share == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize(("rho", "n"), [(0.5, 300), (0.6, 200)])
def test_power_of_detection_is_that_of_simulated_samples(rho: float, n: int) -> None:
    found = sampled_rho(rho, n, 2000, 2)
    share = (lower_limit(found, standard_error(found, n), 3.0) > 0.33).mean()
    assert share == pytest.approx(float(detection_power(rho, n, 0.33, 3.0)), abs=0.04)


def test_smallest_n_is_the_smallest() -> None:
    def power(n: int) -> float:
        return float(detection_power(0.5, n, 0.33, 3.7))

    n = smallest_n(power, 0.9)
    assert n is not None
    assert power(n) >= 0.9 > power(n - 1)


def test_no_n_shows_what_is_not_so() -> None:
    assert smallest_n(lambda n: float(detection_power(0.3, n, 0.33, 3.7)), 0.9) is None


def test_power_grows_with_n_and_falls_towards_the_bound() -> None:
    powers = equivalence_power(np.array([[0.0], [0.1], [0.2]]), np.array([100, 300, 1000]), 0.33, 0.05)
    assert (np.diff(powers, axis=1) >= 0).all()
    assert (np.diff(powers, axis=0) <= 0).all()
