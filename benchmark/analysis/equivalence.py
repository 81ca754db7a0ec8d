"""Can the data show that |rho| lies below the bound, or above it? Tests, power, and the n that it takes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from benchmark.analysis.spearman import Floats, standard_error, to_z

LARGEST_N = 100_000_000


def equivalence_p(rho: ArrayLike, error: ArrayLike, bound: float) -> Floats:
    """P of two one-sided tests of |rho| < bound (Schuirmann 1987), on Fisher's z with standard error `error`."""
    p: Floats = special.ndtr((np.abs(to_z(rho)) - to_z(bound)) / np.asarray(error))
    return p


def equivalence_power(rho: ArrayLike, n: ArrayLike, bound: float, alpha: float) -> Floats:
    """Probability that n candidates show |rho| < bound at alpha when rho is true."""
    error = standard_error(rho, n)
    margin = to_z(bound) - special.ndtri(1 - alpha) * error
    z = np.abs(to_z(rho))
    power: Floats = special.ndtr((margin - z) / error) - special.ndtr((-margin - z) / error)
    return np.maximum(0, power)


def detection_power(rho: ArrayLike, n: ArrayLike, bound: float, critical: float) -> Floats:
    """Probability that a true rho's lower limit, `critical` standard errors down on Fisher's z, lies above bound."""
    power: Floats = special.ndtr((np.abs(to_z(rho)) - to_z(bound)) / standard_error(rho, n) - critical)
    return power


def independent(cells: int, alpha: float) -> float:
    """How many standard errors a simultaneous limit is over so many independent cells (Sidak 1967): the most it is over
    dependent ones.
    """
    return float(-special.ndtri((1 - (1 - alpha) ** (1 / cells)) / 2))


def smallest_n(power: Callable[[int], float], wanted: float) -> int | None:
    """The smallest n from which `power(n)`, which grows with n, is at least `wanted`; None where no n is enough."""
    if power(LARGEST_N) < wanted:
        return None
    low, high = 4, LARGEST_N
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= wanted else (middle + 1, high)
    return low
