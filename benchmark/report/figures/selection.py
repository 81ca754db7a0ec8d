"""Where each selector's choice lies in the distribution of random choice, at each number of shots."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.report.drawing import Drawing, drawing
from benchmark.report.results import Results
from benchmark.report.style import BLUE, FAINT, GREEN, MUTED, ORANGE, VERMILLION, new_figure, words

FAMILIES = {"oracle": GREEN, "activation": VERMILLION, "uncertainty": BLUE, "text": ORANGE, "random": MUTED}
METRICS = ("performance", "gain")
ARROWS = {"highest": " ↑", "lowest": " ↓", "": ""}


def family(selector: str) -> str:
    """The kind of a selector, which gives its colour."""
    if selector.startswith("activation_"):
        return "activation"
    if selector in ("perplexity", "predictive_entropy"):
        return "uncertainty"
    return selector if selector in FAMILIES else "text"


def label(selector: str, direction: str) -> str:
    return words(selector.removeprefix("activation_")) + ARROWS[direction]


def order(table: pd.DataFrame) -> list[tuple[str, str]]:
    """(selector, direction), family by family."""
    found = set(zip(table["selector"], table["direction"], strict=True))
    return sorted(found, key=lambda pair: (list(FAMILIES).index(family(pair[0])), pair))


def draw(results: Results) -> list[Drawing]:
    table = results.tables.get("selection")
    if table is None:
        return []
    made = []
    for (metric, shots), rows in sorted(
        table.groupby(["metric", "shots"]), key=lambda group: METRICS.index(group[0][0])
    ):
        selectors = order(rows)
        figure = new_figure(3.9, 0.7 + 0.19 * len(selectors))
        axes = figure.subplots()
        axes.axvspan(5, 95, color=FAINT, alpha=0.35, linewidth=0)
        axes.axvline(50, color=MUTED, linewidth=0.7)
        for y, (selector, direction) in enumerate(selectors):
            chosen = rows[(rows["selector"] == selector) & (rows["direction"] == direction)]
            values = chosen["percentile"].dropna().to_numpy()
            colour = FAMILIES[family(selector)]
            if not len(values):
                axes.text(50, y, "undefined", ha="center", va="center", fontsize=7.5, color=MUTED, backgroundcolor="w")
                continue
            low, first, middle, third, high = np.percentile(values, [0, 25, 50, 75, 100])
            axes.plot([low, high], [y, y], color=colour, linewidth=0.8, alpha=0.6)
            axes.plot([first, third], [y, y], color=colour, linewidth=4.2, alpha=0.45, solid_capstyle="butt")
            axes.plot([middle], [y], "o", color=colour, markersize=4)
        axes.set_yticks(range(len(selectors)), [label(*pair) for pair in selectors])
        axes.set(xlim=(-2, 102), ylim=(len(selectors) - 0.4, -0.6), xticks=[0, 25, 50, 75, 100])
        axes.set_xlabel("percentile among random choices")
        axes.set_title(f"{shots} shot" + ("s" if int(str(shots)) > 1 else ""))
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        made.append(
            drawing(
                f"selection_{metric}_{shots}",
                figure,
                alt=f"Percentile among random choices of every selector's {metric} at {shots} shots.",
            )
        )
    return made
