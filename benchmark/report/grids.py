"""Rho by mask and statistic: one panel for each model, task and outcome, never averaged over models or tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb
from numpy.typing import NDArray

from benchmark.artefacts.features import LAYER
from benchmark.report.results import AS_STATED, CLAIMS, Results
from benchmark.report.style import DIVERGING, INK

MASKS = ("causal", "no_sink", "input", "target", "target_isolated", "prefix", "bidirectional", "self")
STATISTICS = (
    "mean",
    "variance",
    "skewness",
    "kurtosis",
    "max_abs",
    "max_median_ratio",
    "max_sequence_ratio",
    "massive_count",
)
SHORT = {
    "variance": "var.",
    "skewness": "skew",
    "kurtosis": "kurt.",
    "max_abs": "max",
    "max_median_ratio": "ratio",
    "max_sequence_ratio": "seq. r.",
    "massive_count": "count",
}


@dataclass(frozen=True)
class Panel:
    """A grid of rho, float64 [mask, statistic], NaN where undefined; `above`: |rho| exceeds the bound; `proven`: so
    does its simultaneous lower limit; `strongest`: the cell of the claim; `alone`: the score says which target, no
    more; `notes` [mask][statistic]: in words."""

    group: str
    model: str
    dataset: str
    masks: tuple[str, ...]
    statistics: tuple[str, ...]
    rho: NDArray[np.float64]
    above: NDArray[np.bool_]
    proven: NDArray[np.bool_]
    strongest: NDArray[np.bool_]
    alone: NDArray[np.bool_]
    notes: tuple[tuple[str, ...], ...]


def short(statistic: str) -> str:
    """A statistic's name where a column is narrow."""
    return SHORT.get(statistic, statistic)


def arranged(found: pd.Series[Any], known: tuple[str, ...]) -> tuple[str, ...]:
    """The names that occur: known ones in the protocol's order, others after them."""
    names = set(found)
    return tuple(name for name in known if name in names) + tuple(sorted(names - set(known)))


def panels(results: Results, claim: str = AS_STATED) -> list[Panel]:
    """Panels of all declared cells of activations under `claim`, by outcome (site, pooling, layer where they vary),
    model and task.
    """
    cells = results.cells(claim)
    if cells is None or cells.empty:
        return []
    cells = cells[cells["layer"] != LAYER]
    masks, statistics = arranged(cells["mask"], MASKS), arranged(cells["statistic"], STATISTICS)
    varying = [axis for axis in ("site", "pooling", "layer") if cells[axis].nunique() > 1]
    made = []
    for keys, rows in cells.groupby(["outcome", *varying, "model", "dataset"], sort=False):
        *group, model, dataset = map(str, keys)
        rho = np.full((len(masks), len(statistics)), np.nan)
        above, proven, strongest, alone = (np.zeros(rho.shape, dtype=bool) for _ in range(4))
        notes = [["" for _ in statistics] for _ in masks]
        for row in rows.to_dict("records"):
            at = masks.index(row["mask"]), statistics.index(row["statistic"])
            rho[at] = row["rho"]
            above[at] = abs(row["rho"]) > results.claim["bound"]
            proven[at] = row.get("lower_limit", np.nan) > results.claim["bound"]
            alone[at] = row["target_alone"] == 1
            strongest[at] = all(
                str((results.found(claim)["cell"] or {}).get(axis)) == str(row[axis]) for axis in _identity(row)
            )
            notes[at[0]][at[1]] = _note(row)
        made.append(
            Panel(
                " ".join(group),
                model,
                dataset,
                masks,
                statistics,
                rho,
                above,
                proven,
                strongest,
                alone,
                tuple(map(tuple, notes)),
            )
        )
    return made


def consistency_panels(results: Results) -> list[Panel]:
    """Mean signed rho over models and tasks, a panel for each outcome; `above`: its interval excludes 0."""
    table = results.rows("consistency")
    if table is None:
        return []
    table = table[table["layer"] != LAYER]
    masks, statistics = arranged(table["mask"], MASKS), arranged(table["statistic"], STATISTICS)
    varying = [axis for axis in ("site", "pooling", "layer", "shots") if axis in table and table[axis].nunique() > 1]
    made = []
    for keys, rows in table.groupby(["outcome", *varying], sort=False):
        rho = np.full((len(masks), len(statistics)), np.nan)
        above, nothing = np.zeros(rho.shape, dtype=bool), np.zeros(rho.shape, dtype=bool)
        notes = [["" for _ in statistics] for _ in masks]
        for row in rows.to_dict("records"):
            at = masks.index(row["mask"]), statistics.index(row["statistic"])
            rho[at] = row["mean_rho"]
            above[at] = row["ci_low"] > 0 or row["ci_high"] < 0
            notes[at[0]][at[1]] = (
                f"mean ρ = {row['mean_rho']:.3f}, interval {row['ci_low']:.2f} to {row['ci_high']:.2f}, over "
                f"{row['n_pools']:.0f} pools, {100 * row['sign_agreement']:.0f} % of one sign"
            )
        made.append(
            Panel(
                "",
                "",
                f"against {' '.join(map(str, keys))}",
                masks,
                statistics,
                rho,
                above,
                nothing,
                nothing,
                nothing,
                tuple(map(tuple, notes)),
            )
        )
    return made


def _identity(row: dict[str, Any]) -> tuple[str, ...]:
    axes = ("model", "dataset", "mask", "statistic", "pooling", "site", "layer", "outcome")
    return tuple(axis for axis in axes if axis in row)


def _note(row: dict[str, Any]) -> str:
    if row["undefined"]:
        return f"undefined: {row['undefined']}"
    text = f"ρ = {row['rho']:.3f}, n = {row['n']}, {row['n_distinct']} distinct scores"
    if row["target_alone"] == 1:
        text += ", the same for all with the same target"
    if not np.isnan(row.get("simultaneous_low", np.nan)):
        text += f", simultaneous interval {row['simultaneous_low']:.2f} to {row['simultaneous_high']:.2f}"
    return text


def limit(results: Results) -> float:
    """The end of the colour scale: symmetric, the same for every panel, rounded up to a tenth."""
    top = max(found[claim]["max_abs_rho"] for found in results.claim["families"].values() for claim in CLAIMS)
    return float(np.ceil(10 * max(top, results.claim["bound"], 0.1)) / 10)


def shade(value: float, end: float) -> tuple[str, str]:
    """Background and text colour of a value on the diverging scale; text is ink or white, whichever reads better."""
    colour = to_hex(colormaps[DIVERGING](0.5 + 0.5 * float(np.clip(value / end, -1, 1))))
    return colour, max(("#ffffff", INK), key=lambda text: contrast(text, colour))


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours, 1 to 21, as WCAG 2 defines it."""
    low, high = sorted(_luminance(colour) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def gradient(steps: int = 11) -> str:
    """The diverging scale as stops of a CSS gradient."""
    return ", ".join(shade(value, 1.0)[0] for value in np.linspace(-1, 1, steps))
