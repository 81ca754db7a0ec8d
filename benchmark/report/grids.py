"""Rho by mask and statistic: one panel for each model, task and outcome, never averaged over models or tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb
from numpy.typing import NDArray

from benchmark.analysis.parameters import AS_STATED, CLAIMS
from benchmark.artefacts.features import LAYER
from benchmark.report.results import Results
from benchmark.report.style import DIVERGING, INK

COLOURS = colormaps[DIVERGING]  # a copy, whose table of colours is made once
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


@dataclass
class Panel:
    """A grid of rho, float64 [mask, statistic], NaN where undefined; `above`: |rho| exceeds the bound; `proven`: so
    does its simultaneous lower limit; `strongest`: the cell of the claim; `alone`: the score says which target, no
    more; `notes` [mask][statistic]: in words."""

    group: str
    model: str
    dataset: str
    masks: tuple[str, ...]
    statistics: tuple[str, ...]
    rho: NDArray[np.float64] = field(init=False)
    above: NDArray[np.bool_] = field(init=False)
    proven: NDArray[np.bool_] = field(init=False)
    strongest: NDArray[np.bool_] = field(init=False)
    alone: NDArray[np.bool_] = field(init=False)
    notes: list[list[str]] = field(init=False)

    def __post_init__(self) -> None:
        shape = len(self.masks), len(self.statistics)
        self.rho = np.full(shape, np.nan)
        self.above, self.proven, self.strongest, self.alone = (np.zeros(shape, dtype=bool) for _ in range(4))
        self.notes = [["" for _ in self.statistics] for _ in self.masks]

    def place(self, row: Mapping[str, Any]) -> tuple[int, int]:
        return self.masks.index(row["mask"]), self.statistics.index(row["statistic"])


def short(statistic: str) -> str:
    """A statistic's name where a column is narrow."""
    return SHORT.get(statistic, statistic)


def arranged(found: pd.Series[Any], known: tuple[str, ...]) -> tuple[str, ...]:
    """The names that occur: known ones in the protocol's order, others after them."""
    names = set(found)
    return tuple(name for name in known if name in names) + tuple(sorted(names - set(known)))


def grouped(table: pd.DataFrame, axes: Sequence[str], keys: Sequence[str]) -> Iterator[tuple[list[str], pd.DataFrame]]:
    """Rows by outcome, those of `axes` that vary, and `keys`; each with its values of these."""
    varying = [axis for axis in axes if axis in table and table[axis].nunique() > 1]
    for values, rows in table.groupby(["outcome", *varying, *keys], sort=False):
        yield [*map(str, values)], rows


def panels(results: Results, claim: str = AS_STATED) -> list[Panel]:
    """Panels of all declared cells of activations under `claim`, by outcome (site, pooling, layer where they vary),
    model and task.
    """
    cells = results.cells(claim)
    if cells is None or cells.empty:
        return []
    cells = cells[cells["layer"] != LAYER]
    masks, statistics = arranged(cells["mask"], MASKS), arranged(cells["statistic"], STATISTICS)
    made = []
    for (*group, model, dataset), rows in grouped(cells, ("site", "pooling", "layer"), ("model", "dataset")):
        panel = Panel(" ".join(group), model, dataset, masks, statistics)
        for row in rows.to_dict("records"):
            at = panel.place(row)
            panel.rho[at] = row["rho"]
            panel.above[at] = abs(row["rho"]) > results.claim["bound"]
            panel.proven[at] = row.get("lower_limit", np.nan) > results.claim["bound"]
            panel.alone[at] = row["target_alone"] == 1
            panel.strongest[at] = all(
                str((results.found(claim)["cell"] or {}).get(axis)) == str(row[axis]) for axis in _identity(row)
            )
            panel.notes[at[0]][at[1]] = _note(row)
        made.append(panel)
    return made


def consistency_panels(results: Results) -> list[Panel]:
    """Mean signed rho over models and tasks, a panel for each outcome; `above`: its interval excludes 0."""
    table = results.rows("consistency")
    if table is None:
        return []
    table = table[table["layer"] != LAYER]
    masks, statistics = arranged(table["mask"], MASKS), arranged(table["statistic"], STATISTICS)
    made = []
    for keys, rows in grouped(table, ("site", "pooling", "layer", "shots"), ()):
        panel = Panel("", "", f"against {' '.join(keys)}", masks, statistics)
        for row in rows.to_dict("records"):
            at = panel.place(row)
            panel.rho[at] = row["mean_rho"]
            panel.above[at] = row["ci_low"] > 0 or row["ci_high"] < 0
            panel.notes[at[0]][at[1]] = (
                f"mean ρ = {row['mean_rho']:.3f}, interval {row['ci_low']:.2f} to {row['ci_high']:.2f}, over "
                f"{row['n_pools']:.0f} pools, {100 * row['sign_agreement']:.0f} % of one sign"
            )
        made.append(panel)
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
    colour = to_hex(COLOURS(0.5 + 0.5 * float(np.clip(value / end, -1, 1))))
    return colour, readable(colour)


def readable(background: str) -> str:
    """Ink or white, whichever reads better on a colour."""
    return max(("#ffffff", INK), key=lambda text: contrast(text, background))


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours, 1 to 21, as WCAG 2 defines it."""
    low, high = sorted(_luminance(colour) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


@cache
def _luminance(colour: str) -> float:
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def gradient(steps: int = 11) -> str:
    """The diverging scale as stops of a CSS gradient."""
    return ", ".join(shade(value, 1.0)[0] for value in np.linspace(-1, 1, steps))
