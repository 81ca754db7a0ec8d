"""How many candidates a verdict takes, from the parameters alone: nothing has been measured yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmark.analysis.equivalence import detection_power, independent, smallest_n
from benchmark.analysis.resampling import FEWEST
from benchmark.params import Params
from benchmark.planning.lengths import read_dataset

RELIABILITIES = (1.0, 0.9, 0.8, 0.7)
"""What the reliability of an outcome may turn out to be."""


class Power(NamedTuple):
    """What pools of `n` candidates (those of `datasets`) can show; `enough`: at reliability 1 they could refute."""

    n: int
    datasets: tuple[str, ...]
    enough: bool
    text: str


def critical(params: Params) -> float:
    """How many standard errors a simultaneous limit is at most: that of independent cells (Sidak 1967)."""
    family = params.claim.families[params.claim.headline]
    cells = len(params.models) * len(params.datasets) * len(family.columns) * len(family.outcomes)
    return independent(cells, params.claim.alpha)


def candidates_needed(params: Params, reliability: float) -> int | None:
    """Candidates with which `sensitivity_rho` is called refuted with probability `power`; None where no n is enough."""
    claim, limits = params.claim, critical(params)
    expected = claim.sensitivity_rho * reliability**0.5
    return smallest_n(lambda n: float(detection_power(expected, n, claim.bound, limits)), claim.power)


def least_reliability(params: Params, n: int) -> float | None:
    """The smallest reliability, in hundredths, at which n candidates are enough; None where they are not even at 1."""
    for hundredths in range(100, -1, -1):
        needed = candidates_needed(params, hundredths / 100)
        if needed is None or needed > n:
            return (hundredths + 1) / 100 if hundredths < 100 else None
    return 0.0


def power_of_pools(params: Params) -> Iterator[Power]:
    """What each size of pool can show, the smallest first; pools whose size is not known yet are left out."""
    sizes: dict[int, list[str]] = {}
    for name, source in params.datasets.items():
        known = read_dataset(params.dataset_folder(name))
        size = len(known.pool) if known else source.outline().pool
        if size is not None:
            sizes.setdefault(size, []).append(name)
    needed = {reliability: candidates_needed(params, reliability) for reliability in RELIABILITIES}
    table = ", ".join(f"{n:,} at {r:g}" for r, n in needed.items() if n is not None)
    claim = params.claim
    for size, names in sorted(sizes.items()):
        least = least_reliability(params, size)
        said = (
            f"enough to see a correlation of {claim.sensitivity_rho:g} above the bound {claim.bound:g} if the "
            f"outcome's reliability is {least:g} or more"
            if least is not None
            else f"too few to see a correlation of {claim.sensitivity_rho:g} above the bound {claim.bound:g}: the "
            f"verdict will be inconclusive{', or refuted by a larger one' if size >= FEWEST else ''}"
        )
        takes = f"by reliability, it takes about {table}" if table else "no number of candidates is enough"
        yield Power(size, tuple(names), least is not None, f"{size:,} candidates ({', '.join(names)}), {said}; {takes}")
