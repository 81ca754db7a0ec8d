"""How often each verdict comes out when the truth is known: simulated experiments, judged as real ones are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import pandas as pd
from tqdm import tqdm

from benchmark.analysis.evaluation import evaluate
from benchmark.analysis.parameters import ClaimParameters, Verdict
from benchmark.analysis.simulation import Scenario, simulate
from benchmark.errors import BenchmarkError, unknown
from benchmark.seeds import generator
from benchmark.storage import read_table, write_table

Intervals = Literal["fisher", "bootstrap"]
INTERVALS: tuple[Intervals, ...] = get_args(Intervals)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True)
class Demand:
    """A verdict that must come out in at least a share of the experiments, or in none (share 0)."""

    verdict: Verdict
    share: float

    def met(self, shares: dict[Verdict, float]) -> bool:
        return shares[self.verdict] >= self.share if self.share else shares[self.verdict] == 0

    def __str__(self) -> str:
        return f"{self.verdict} >= {100 * self.share:g} %" if self.share else f"never {self.verdict}"


NEVER_REFUTED = Demand("refuted", 0)
MOSTLY_REPRODUCED = Demand("reproduced", 0.95)
MOSTLY_REFUTED = Demand("refuted", 0.95)
MOSTLY_INCONCLUSIVE = Demand("inconclusive", 0.95)

SCENARIOS: dict[Scenario, tuple[Demand, ...]] = {
    Scenario("all zero"): (NEVER_REFUTED, MOSTLY_REPRODUCED),
    Scenario("one cell at 0.2", rho=0.2): (NEVER_REFUTED, MOSTLY_REPRODUCED),
    Scenario("one cell at 0.33", rho=0.33): (),
    Scenario("one cell at 0.45", rho=0.45): (),
    Scenario("one cell at 0.5", rho=0.5): (MOSTLY_REFUTED,),
    Scenario("one cell at 0.6", rho=0.6): (MOSTLY_REFUTED,),
    Scenario("reliability 0.2", reliability=0.2): (MOSTLY_INCONCLUSIVE,),
    Scenario("reliability 0.2, one cell at 0.5 x sqrt(0.2)", reliability=0.2, rho=0.2236): (MOSTLY_INCONCLUSIVE,),
    Scenario("reliability 0.7", reliability=0.7): (NEVER_REFUTED, MOSTLY_REPRODUCED),
    Scenario("n = 60", n=60): (MOSTLY_INCONCLUSIVE,),
    Scenario("n = 60, independent cells", n=60, shared=0.0): (MOSTLY_INCONCLUSIVE,),
    Scenario("n = 200", n=200): (NEVER_REFUTED,),
    Scenario("n = 200, one cell at 0.6", n=200, rho=0.6): (),
    Scenario("ties, one cell at 0.2", rho=0.2, levels=6): (NEVER_REFUTED, MOSTLY_REPRODUCED),
    Scenario("ties, one cell at 0.5", rho=0.5, levels=6): (MOSTLY_REFUTED,),
    Scenario("heavy tails, one cell at 0.2", rho=0.2, heavy=True): (NEVER_REFUTED, MOSTLY_REPRODUCED),
    Scenario("heavy tails, one cell at 0.5", rho=0.5, heavy=True): (MOSTLY_REFUTED,),
    Scenario("independent cells, one cell at 0.2", rho=0.2, shared=0.0): (NEVER_REFUTED, MOSTLY_REPRODUCED),
    Scenario("independent cells, one cell at 0.5", rho=0.5, shared=0.0): (MOSTLY_REFUTED,),
    Scenario("dependent cells, one cell at 0.2", rho=0.2, shared=0.95): (NEVER_REFUTED, MOSTLY_REPRODUCED),
    Scenario("dependent cells, one cell at 0.5", rho=0.5, shared=0.95): (MOSTLY_REFUTED,),
}
"""What is simulated, and what is demanded of it."""


def calibrate(
    experiments: int = 500,
    *,
    intervals: Intervals = "fisher",
    seed: int = 0,
    scenarios: Sequence[str] = (),
    resamples: int = 200,
    splits: int = 10,
    output: Path | None = None,
) -> pd.DataFrame:
    """Simulates `experiments` of each scenario (all, or those named) and counts the verdicts: `calibration.csv`.

    `resamples` are permutations and bootstrap samples of each experiment. `output`, if given, gets the rows after each
    scenario, so that what was simulated survives a kill; rows of other scenarios and intervals that it has stay.
    """
    if experiments < 1:
        raise BenchmarkError("calibration needs at least 1 experiment")
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in scenarios:
        if name not in known:
            raise unknown("scenario", name, known)
    rows: list[dict[str, object]] = []
    for name in scenarios or known:
        scenario = known[name]
        counts: Counter[Verdict] = Counter()
        for i in tqdm(range(experiments), desc=name, unit="experiment", disable=None):
            counts[_verdict(scenario, intervals, resamples, splits, seed, i)] += 1
        rows.append(_row(scenario, intervals, experiments, counts))
        if output is not None:
            write_table(output, _update(output, rows[-1]), 4)
    return _table(rows)


def _table(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows).astype({"met": "Int64"})


def _update(path: Path, row: dict[str, object]) -> pd.DataFrame:
    """The table at `path` with `row` in the place of that of the same scenario and intervals, in the order of both."""
    rows = read_table(path).to_dict("records") if path.exists() else []
    found = {(str(other["intervals"]), str(other["scenario"])): other for other in [*rows, row]}
    wanted = [(kind, scenario.name) for kind in INTERVALS for scenario in SCENARIOS]
    return _table([found[key] for key in wanted if key in found])


def _verdict(scenario: Scenario, intervals: str, resamples: int, splits: int, seed: int, i: int) -> Verdict:
    parameters = ClaimParameters.model_validate(
        {
            "families": {"simulated": scenario.family()},
            "headline": "simulated",
            "intervals": intervals,
            "permutations": resamples,
            "bootstrap": resamples,
            "splits": splits,
            "seed": seed + i,
        }
    )
    cells = simulate(scenario, generator(seed, "calibration", scenario.name, i))
    return evaluate(cells, parameters)["simulated", "as_stated"].verdict


def _row(scenario: Scenario, intervals: str, experiments: int, counts: Counter[Verdict]) -> dict[str, object]:
    shares: dict[Verdict, float] = {verdict: counts[verdict] / experiments for verdict in VERDICTS}
    demands = SCENARIOS[scenario]
    return {
        "scenario": scenario.name,
        "intervals": intervals,
        "experiments": experiments,
        "n": scenario.n,
        "cells": scenario.cells,
        "true_rho": scenario.rho or 0.0,
        "reliability": scenario.reliability,
        **{str(verdict): share for verdict, share in shares.items()},
        "demanded": "; ".join(map(str, demands)),
        "met": all(demand.met(shares) for demand in demands) if demands else None,
    }
