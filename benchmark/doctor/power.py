"""Whether the pools are large enough for a verdict."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.doctor.finding import Finding, note, ok
from benchmark.params import Params
from benchmark.planning.power import power_of_pools


def check_power(params: Params) -> Iterator[Finding]:
    """A finding for each size of pool: too few candidates stop nothing, and the verdict will say so."""
    for power in power_of_pools(params):
        yield (ok if power.enough else note)("power", power.text)
