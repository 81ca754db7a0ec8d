"""How often each verdict comes out when the truth is known: simulated experiments, judged as real ones are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import pandas as pd
from tqdm import tqdm

from benchmark.analysis.evaluation import evaluate_one
from benchmark.analysis.parameters import AS_STATED, CLAIMS, ClaimParameters, Verdict
from benchmark.analysis.simulation import Scenario, simulate
from benchmark.errors import BenchmarkError, unknown
from benchmark.hashing import sha256_json
from benchmark.seeds import generator
from benchmark.storage import read_json, read_table, write_json, write_table

Intervals = Literal["fisher", "bootstrap"]
INTERVALS: tuple[Intervals, ...] = get_args(Intervals)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
KEPT_EVERY = 10
"""Experiments after which the counts are written."""


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
NEVER_REPRODUCED = Demand("reproduced", 0)
MOSTLY_REPRODUCED = Demand("reproduced", 0.95)
MOSTLY_REFUTED = Demand("refuted", 0.95)
MOSTLY_INCONCLUSIVE = Demand("inconclusive", 0.95)
HALVES, TENTH, MANY, THIRDS = (0.5, 0.5), (0.9, 0.1), (0.01,) * 100, (1 / 3,) * 3

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
"""What is simulated, and what is demanded of it as the claim is stated."""

NOTHING_GIVEN = (NEVER_REFUTED, MOSTLY_REPRODUCED)
NOTHING_SHOWN = (NEVER_REFUTED, NEVER_REPRODUCED)
GIVEN: dict[Scenario, tuple[tuple[Demand, ...], tuple[Demand, ...]]] = {
    Scenario("a score that is the target", rho=0.0, shares=HALVES, effect=0.5, planted="target"): (
        (MOSTLY_REFUTED,),
        NOTHING_GIVEN,
    ),
    Scenario("within targets at 0.5 beside a strong target", rho=0.5, shares=HALVES, effect=0.5, planted="within"): (
        (),
        (MOSTLY_REFUTED,),
    ),
    Scenario("unbalanced targets, none", shares=TENTH, effect=0.3): ((NEVER_REFUTED,), NOTHING_GIVEN),
    Scenario("unbalanced targets, a score that is the target", rho=0.0, shares=TENTH, effect=0.5, planted="target"): (
        (),
        NOTHING_GIVEN,
    ),
    Scenario("many small targets, none", shares=MANY, effect=0.3): ((NEVER_REFUTED,), NOTHING_GIVEN),
    Scenario("many small targets, within at 0.6", rho=0.6, shares=MANY, effect=0.3, planted="within"): (
        (),
        (MOSTLY_REFUTED,),
    ),
    Scenario("two-valued scores, none", levels=2, shares=HALVES, effect=0.3): ((NEVER_REFUTED,), NOTHING_GIVEN),
    Scenario("all cells at 0.3", every=0.3): ((NEVER_REFUTED,), (NEVER_REFUTED,)),
    Scenario("n = 6, three pairs of one target", n=6, shares=THIRDS): (NOTHING_SHOWN, NOTHING_SHOWN),
    Scenario("n = 20, all cells at 0.33", n=20, shares=HALVES, every=0.33): (NOTHING_SHOWN, NOTHING_SHOWN),
    Scenario("n = 38, pairs of one target, all cells at 0.33", n=38, shares=(1 / 19,) * 19, every=0.33): (
        NOTHING_SHOWN,
        NOTHING_SHOWN,
    ),
}
"""The same with targets: what is demanded as stated, and given the target."""


def calibrate(
    experiments: int = 500,
    *,
    intervals: Intervals = "fisher",
    seed: int = 0,
    scenarios: Sequence[str] = (),
    resamples: int = 200,
    splits: int = 10,
    output: Path | None = None,
    counted: Path | None = None,
) -> pd.DataFrame:
    """Simulates `experiments` of each scenario (all, or those named) and counts the verdicts: `calibration.csv`.

    `resamples` are permutations and bootstrap samples of each experiment. `output`, if given, gets the rows after each
    scenario; rows of other scenarios and intervals that it has stay. The folder `counted`, if given, keeps the counts
    as they grow: with the same arguments, a run that was stopped goes on, and one with more experiments adds to them.
    """
    if experiments < 1:
        raise BenchmarkError("calibration needs at least 1 experiment")
    known = {scenario.name: scenario for scenario in (*SCENARIOS, *GIVEN)}
    for name in scenarios:
        if name not in known:
            raise unknown("scenario", name, known)
    rows: list[dict[str, object]] = []
    for name in scenarios or known:
        scenario = known[name]
        settings = {"scenario": name, "intervals": intervals, "seed": seed, "resamples": resamples, "splits": splits}
        tally = Tally.read(counted and counted / f"{sha256_json(settings)[:16]}.json", tuple(demands(scenario)))
        first = min(tally.done, experiments)
        for i in tqdm(range(first, experiments), desc=name, unit="experiment", initial=first, disable=None):
            tally.add(_verdicts(scenario, intervals, resamples, splits, seed, i))
        tally.write()
        for claim in demands(scenario):
            rows.append(_row(scenario, claim, intervals, experiments, tally.counts(claim, experiments)))
            if output is not None:
                write_table(output, _update(output, rows[-1]), 4)
    return _table(rows)


@dataclass
class Tally:
    """The verdicts of a scenario's experiments so far, in their order: {claim: [verdict, ...]}."""

    path: Path | None
    verdicts: dict[str, list[Verdict]]

    @classmethod
    def read(cls, path: Path | None, claims: Sequence[str]) -> Tally:
        return cls(path, read_json(path) if path and path.exists() else {claim: [] for claim in claims})

    @property
    def done(self) -> int:
        return min(map(len, self.verdicts.values()))

    def add(self, found: Mapping[str, Verdict]) -> None:
        for claim, verdict in found.items():
            self.verdicts[claim].append(verdict)
        if self.done % KEPT_EVERY == 0:
            self.write()

    def write(self) -> None:
        if self.path is not None:
            write_json(self.path, self.verdicts)

    def counts(self, claim: str, experiments: int) -> Counter[Verdict]:
        """How often each verdict came out of the first `experiments`."""
        return Counter(self.verdicts[claim][:experiments])


def demands(scenario: Scenario) -> dict[str, tuple[Demand, ...]]:
    """{claim: what is demanded} of a scenario."""
    return dict(zip(CLAIMS, GIVEN[scenario], strict=True)) if scenario in GIVEN else {AS_STATED: SCENARIOS[scenario]}


def _table(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows).astype({"met": "Int64"})


def _update(path: Path, row: dict[str, object]) -> pd.DataFrame:
    """The table at `path` with `row` in the place of that of the same scenario and intervals, in the order of both."""
    rows = read_table(path).to_dict("records") if path.exists() else []
    found = {tuple(str(other[key]) for key in ("intervals", "scenario", "claim")): other for other in [*rows, row]}
    wanted = [(k, scenario.name, claim) for k in INTERVALS for scenario in (*SCENARIOS, *GIVEN) for claim in CLAIMS]
    return _table([found[key] for key in wanted if key in found])


def _verdicts(scenario: Scenario, intervals: str, resamples: int, splits: int, seed: int, i: int) -> dict[str, Verdict]:
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
    return {claim: evaluate_one(cells, parameters, claim)["simulated"].verdict for claim in demands(scenario)}


def _row(
    scenario: Scenario, claim: str, intervals: str, experiments: int, counts: Counter[Verdict]
) -> dict[str, object]:
    shares: dict[Verdict, float] = {verdict: counts[verdict] / experiments for verdict in VERDICTS}
    demanded = demands(scenario)[claim]
    return {
        "scenario": scenario.name,
        "claim": claim,
        "intervals": intervals,
        "experiments": experiments,
        "n": scenario.n,
        "cells": scenario.cells,
        "true_rho": scenario.rho or 0.0,
        "reliability": scenario.reliability,
        **{str(verdict): share for verdict, share in shares.items()},
        "demanded": "; ".join(map(str, demanded)),
        "met": all(demand.met(shares) for demand in demanded) if demanded else None,
    }
