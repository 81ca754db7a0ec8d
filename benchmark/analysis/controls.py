"""Scores whose answer is known in advance: if these come out wrong, the verdict is worth nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special

from benchmark.analysis.parameters import ControlParameters
from benchmark.analysis.spearman import Floats, centred_ranks, correlate_ranks
from benchmark.errors import BenchmarkError

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
    "verdict",
    "passed",
    "note",
)
MASSIVE_STATISTICS = ("max_abs", "max_median_ratio", "max_sequence_ratio", "massive_count")


@dataclass(frozen=True, kw_only=True)
class Control:
    """One control where it ran; `passed` is None where it could not, and `note` says why."""

    control: str
    model: str
    dataset: str = ""
    outcome: str = ""
    mask: str = ""
    statistic: str = ""
    expected: float = float("nan")
    value: float = float("nan")
    lower_limit: float = float("nan")
    verdict: str = ""
    passed: bool | None = None
    note: str = ""


def planted_score(outcome: Floats, rho: float, rng: np.random.Generator) -> Floats:
    """A score [n] whose rho with `outcome` [n] (not constant) is `rho` in this very sample, but for 1e-3 or a tie.

    Normal scores of the outcome and normal noise are mixed; the share is found by Brent's method.
    """
    n = len(outcome)
    ranks = centred_ranks(outcome)[None]
    signal = special.ndtri((ranks[0] + n + 1) / (2 * (n + 1)))
    signal /= signal.std()
    noise = rng.standard_normal(n)

    def mix(share: float) -> Floats:
        mixed: Floats = share * signal + np.sqrt(1 - share**2) * noise
        return mixed

    def excess(share: float) -> float:
        return correlate_ranks(centred_ranks(mix(share))[None], ranks).item() - rho

    return mix(0.0 if excess(0.0) >= 0 else float(optimize.brentq(excess, 0.0, 1.0, xtol=1e-4)))


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
    """The columns of `controls.csv`; `passed` is 1, 0 or empty."""
    frame = pd.DataFrame(list(map(asdict, controls)), columns=list(COLUMNS))
    frame["passed"] = frame["passed"].astype("boolean").astype("Int64")
    return frame
