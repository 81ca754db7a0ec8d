"""Learning curves: what a budget of labels is worth, by who chose what to label, a figure for each task."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from benchmark.artefacts.learning import METHOD, NAMES
from benchmark.report.drawing import Drawing, drawing
from benchmark.report.figures.selection import FAMILIES, family
from benchmark.report.results import Results
from benchmark.report.style import FAINT, INK, MUTED, new_figure, words

METRIC = "performance"
RULES = {"random": "a random labelled one", "nearest": "the nearest labelled one"}


def draw(results: Results) -> list[Drawing]:
    curves, areas = results.tables.get("learning"), results.tables.get("learning_areas")
    if curves is None or areas is None or curves.empty:
        return []
    curves = curves[curves["metric"] == METRIC].merge(areas[[*NAMES, "p_family"]], on=list(NAMES), how="left")
    alpha = float(results.claim["alpha"])
    made = []
    for dataset, task in curves.groupby("dataset", sort=False):
        models, rules = list(dict.fromkeys(task["model"])), list(RULES)
        figure = new_figure(2.7 * len(rules), 0.5 + 1.9 * len(models))
        panels = figure.subplots(len(models), len(rules), squeeze=False, sharex=True, sharey="row")
        for row, model in enumerate(models):
            for column, rule in enumerate(rules):
                _panel(panels[row, column], task[(task["model"] == model) & (task["rule"] == rule)], alpha)
            panels[row, 0].set_ylabel(f"{words(model)}\nperformance")
        for column, rule in enumerate(rules):
            panels[0, column].set_title(RULES[rule])
            panels[-1, column].set_xlabel("labels bought")
        made.append(
            drawing(
                f"learning_{dataset}",
                figure,
                alt=f"Performance on {words(str(dataset))} by the number of labels bought, for every way to choose "
                "them, beside the band of random choice.",
                lead=f"{words(str(dataset)).capitalize()}.",
                caption=f"As demonstration: {' (left) or '.join(RULES.values())} (right).",
            )
        )
    return made


def _panel(axes: Axes, rows: pd.DataFrame, alpha: float) -> None:
    """Every selector's curve in the colour of its kind, thick where it beats random choice, over random's band."""
    chance = rows[rows["selector"] == "random"]
    axes.fill_between(chance["budget"], chance["low"], chance["high"], color=FAINT, linewidth=0)
    axes.plot(chance["budget"], chance["score"], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    chosen = rows[rows["selector"] != "random"]
    for (selector, *_), curve in chosen.groupby(METHOD, sort=False):
        won = float(curve["p_family"].iloc[0]) < alpha
        axes.plot(
            curve["budget"],
            curve["score"],
            color=FAMILIES[family(str(selector))],
            linewidth=1.8 if won else 0.6,
            alpha=1 if won else 0.45,
            zorder=3 if won else 2,
        )
    budgets = sorted(rows["budget"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(budgets, [f"{budget:g}" for budget in budgets])
    axes.minorticks_off()
    axes.grid(axis="y", color=MUTED, alpha=0.15, linewidth=0.5)
