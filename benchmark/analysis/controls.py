"""Scores whose answer is known in advance: if these come out wrong, the verdict is worth nothing.

A control fails only where the machinery is wrong: a planted rho that is not found as planted, a shuffled score that is
found, an outcome that does not correlate at 1 with itself. A planted score that is found, but too few candidates show
it to lie above the bound, is low power and no failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from benchmark.analysis.equivalence import detection_power, smallest_n
from benchmark.analysis.parameters import ClaimParameters, ControlParameters
from benchmark.analysis.ranking import Ranking
from benchmark.analysis.resampling import FEWEST
from benchmark.analysis.spearman import Floats, centred_ranks, correlate_ranks
from benchmark.analysis.strata import Strata, everybody
from benchmark.artefacts.cells import Cells
from benchmark.errors import BenchmarkError
from benchmark.seeds import generator

COLUMNS = (
    "control",
    "model",
    "dataset",
    "outcome",
    "mask",
    "statistic",
    "expected",
    "value",
    "lower_limit",
    "shown",
    "passed",
    "note",
)
MASSIVE_STATISTICS = ("max_abs", "max_median_ratio", "max_sequence_ratio", "massive_count")
PLANTED_TOLERANCE = 0.02
"""How far a planted score's rho may lie from the intended one; ties of the outcome can keep it away."""
EXACT = 1e-9
"""What rounding may change in a rho that is computed twice."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """One control where it ran; `passed` is None where it could not, and `note` says why.

    `shown`: whether a planted score was shown to lie above the bound; None for other controls.
    """

    control: str
    model: str
    dataset: str = ""
    outcome: str = ""
    mask: str = ""
    statistic: str = ""
    expected: float = float("nan")
    value: float = float("nan")
    lower_limit: float = float("nan")
    shown: bool | None = None
    passed: bool | None = None
    note: str = ""


def too_few(n: int) -> str:
    return f"{n} candidates that can be compared are too few for an interval, which takes {FEWEST}"


@dataclass(frozen=True)
class PlantedScores:
    """The control scores of a pool with T outcomes: `ranks` [2 T, n] and `rho` [2 T, outcome], planted, then shuffled.

    `intended` [T]: the rho of each planted score with its outcome, computed another way.
    """

    ranks: Floats
    rho: Floats
    intended: list[float]

    @classmethod
    def make(
        cls, ranking: Ranking, pool: str, outcomes: Sequence[str], parameters: ClaimParameters, claim: str
    ) -> PlantedScores:
        planted, shuffled, intended = [], [], []
        strata = ranking.strata
        purpose = ("controls", pool) if claim == "as_stated" else ("controls", claim, pool)
        for name, outcome, reason in zip(outcomes, ranking.y, ranking.outcome_reasons, strict=True):
            rng = generator(parameters.seed, *purpose, name)
            rho = parameters.controls.planted_rho
            score = np.zeros_like(outcome) if reason else planted_score(outcome, rho, rng, strata)
            planted.append(score)
            shuffled.append(score[strata.permutations(1, rng)[0]])
            intended.append(pairwise_rho(score, outcome, strata))
        ranks = strata.rank(np.stack(planted + shuffled))
        return cls(ranks, correlate_ranks(ranks, ranking.y), intended)


def planted_score(outcome: Floats, rho: float, rng: np.random.Generator, strata: Strata | None = None) -> Floats:
    """A score [n] whose rho with `outcome` [n] (not constant) is `rho` in this very sample, but for 1e-3 or a tie.

    Normal scores of the outcome and normal noise are mixed; the share is found by Brent's method. Ranks are those
    within `strata`, if given.
    """
    n = len(outcome)
    strata = strata or everybody(n)
    ranks = strata.rank(outcome[None])
    signal = special.ndtri((centred_ranks(ranks)[0] + n + 1) / (2 * (n + 1)))
    signal /= signal.std()
    noise = rng.standard_normal(n)

    def mix(share: float) -> Floats:
        mixed: Floats = share * signal + np.sqrt(1 - share**2) * noise
        return mixed

    def excess(share: float) -> float:
        return correlate_ranks(strata.rank(mix(share)[None]), ranks).item() - rho

    if excess(1.0) <= 0:
        return mix(1.0)
    return mix(0.0 if excess(0.0) >= 0 else float(optimize.brentq(excess, 0.0, 1.0, xtol=1e-4)))


def pairwise_rho(score: Floats, outcome: Floats, strata: Strata) -> float:
    """Rho of `score` and `outcome` [n] within strata by counting pairs: it has nothing in common with the ranking.

    A doubled, centred mid-rank is how many others lie below a value less how many lie above it.
    """
    top = squares = others = 0.0
    for group in strata.members:
        a, b = (_below_less_above(row[group]) / (len(group) + 1) for row in (score, outcome))
        top += float(a @ b)
        squares += float(a @ a)
        others += float(b @ b)
    return top / (squares * others) ** 0.5 if squares and others else float("nan")


def _below_less_above(values: Floats) -> NDArray[np.int64]:
    ordered = np.sort(values)
    return np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") - len(values)


def score_controls(
    cells: Cells,
    ranking: Ranking,
    planted: PlantedScores,
    limits: Floats,
    critical: float,
    parameters: ClaimParameters,
    outcomes: Sequence[str],
) -> list[Control]:
    """Planted, shuffled and identity, for each outcome of a pool. `limits` [2 T, T] are the planted scores' lower
    limits of |rho| at `critical` standard errors; NaN where there are too few candidates for any.
    """
    controls = []
    identity = correlate_ranks(ranking.y, ranking.y)
    count = len(planted.intended)
    for t, outcome in enumerate(parameters.outcomes):
        if outcome not in outcomes:
            continue
        here = Control(control="identity", model=cells.model, dataset=cells.dataset, outcome=outcome)
        if reason := ranking.outcome_reasons[t]:
            names = ("planted", "shuffled", "identity")
            controls += [replace(here, control=name, note=f"outcome {reason}") for name in names]
            continue
        limit, of_shuffled = float(limits[t, t]), float(limits[t + count, t])
        controls.append(_planted(here, planted, t, limit, ranking.n, critical, parameters))
        controls.append(
            replace(
                here,
                control="shuffled",
                expected=0.0,
                value=float(planted.rho[t + count, t]),
                lower_limit=of_shuffled,
                passed=not of_shuffled > parameters.bound,
            )
        )
        value = float(identity[t, t])
        controls.append(replace(here, expected=1.0, value=value, passed=abs(value - 1) < EXACT))
    return controls


def _planted(
    here: Control, planted: PlantedScores, t: int, limit: float, n: int, critical: float, parameters: ClaimParameters
) -> Control:
    wanted, bound = parameters.controls.planted_rho, parameters.bound
    rho, intended = float(planted.rho[t, t]), planted.intended[t]
    found = replace(here, control="planted", expected=wanted, value=rho, lower_limit=limit)
    if not abs(rho - intended) < EXACT:
        note = f"planted at {intended:.6f} and found at {rho:.6f}"
        return replace(found, shown=False, passed=False, note=note)
    if abs(rho - wanted) > PLANTED_TOLERANCE:
        note = f"the outcome ties too often: no score near rho {wanted:g} can be planted"
        return replace(found, shown=limit > bound, note=note)
    if limit > bound:
        return replace(found, shown=True, passed=True)
    if n < FEWEST:
        return replace(found, shown=False, passed=True, note=f"low power: {too_few(n)}")
    needed = smallest_n(lambda size: float(detection_power(rho, size, bound, critical)), parameters.power)
    enough = f"about {needed} would" if needed else "no number of candidates would"
    note = f"low power: {n} candidates show no more than {limit:.3f}, the bound is {bound:g}; {enough}"
    return replace(found, shown=False, passed=True, note=note)


def massive_controls(planted: pd.DataFrame, models: Iterable[str], parameters: ControlParameters) -> list[Control]:
    """Whether the massive-activation statistics see a massive dimension that was planted into each of `models`.

    `planted`: columns `model, mask, statistic, layer, before, after`, means over candidates. For each model, mask and
    statistic some layer must show it: `max_abs` and the ratios grow by a factor, `massive_count` at all.
    """
    different = set(map(str, planted["model"])) ^ set(models)
    if different:
        raise BenchmarkError(
            f"planted.csv and the parameters disagree about model {min(different)}: run the plant stages again"
        )
    seen = planted[planted["statistic"].isin(MASSIVE_STATISTICS)]
    if seen.empty:
        raise BenchmarkError(f"planted.csv has no {', '.join(MASSIVE_STATISTICS)}: run the plant stages again")
    return [
        _massive(str(model), str(mask), str(statistic), rows, parameters.massive_factor)
        for (model, mask, statistic), rows in seen.groupby(["model", "mask", "statistic"], sort=False)
    ]


def _massive(model: str, mask: str, statistic: str, rows: pd.DataFrame, factor: float) -> Control:
    before, after = rows["before"].to_numpy(np.float64), rows["after"].to_numpy(np.float64)
    if statistic == "massive_count":
        best = int(np.argmax(after - before))
        expected, value = 0.0, float(after[best] - before[best])
        passed, unit = value > expected, "more massive activations"
    else:
        ratio = after / np.maximum(before, np.finfo(np.float64).tiny)
        best = int(np.argmax(ratio))
        expected, value = factor, float(ratio[best])
        passed, unit = value >= expected, "times as large"
    note = f"{unit} in layer {rows['layer'].iloc[best]}"
    return Control(
        control="massive_dimension",
        model=model,
        mask=mask,
        statistic=statistic,
        expected=expected,
        value=value,
        passed=passed,
        note=note,
    )


def control_table(controls: Sequence[Control]) -> pd.DataFrame:
    """A row a control, in the columns of `COLUMNS`; `shown` and `passed` are 1, 0 or empty."""
    frame = pd.DataFrame(list(map(asdict, controls)), columns=list(COLUMNS))
    for name in ("shown", "passed"):
        frame[name] = frame[name].astype("boolean").astype("Int64")
    return frame
