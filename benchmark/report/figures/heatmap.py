"""Rho by mask and statistic, a panel for each model and task: the file version of the page's heatmap tables."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.patches import Rectangle

from benchmark.report.drawing import Drawing, drawing
from benchmark.report.grids import Panel, limit, panels, short
from benchmark.report.results import Results
from benchmark.report.style import DIVERGING, INK, new_figure, words


def draw(results: Results) -> list[Drawing]:
    made = []
    grouped: dict[str, list[Panel]] = {}
    for panel in panels(results):
        grouped.setdefault(panel.group, []).append(panel)
    for group, members in grouped.items():
        models = list(dict.fromkeys(panel.model for panel in members))
        datasets = list(dict.fromkeys(panel.dataset for panel in members))
        width, height = 1.9 + 1.75 * len(datasets), 0.35 + 2.15 * len(models)
        figure = new_figure(width, height)
        figure.set_layout_engine("none")  # the solver takes seconds over so many panels, and the inches are known
        inches = {"left": 1.05 / width, "right": 1 - 0.85 / width, "bottom": 0.6 / height, "top": 1 - 0.3 / height}
        room = {**inches, "hspace": 0.5, "wspace": 0.08}
        axes = figure.subplots(len(models), len(datasets), squeeze=False, gridspec_kw=room)
        colours = colormaps[DIVERGING].with_extremes(bad="#f1f1f1")
        for ax in axes.flat:
            ax.set_visible(False)
        for panel in members:
            row, column = models.index(panel.model), datasets.index(panel.dataset)
            ax = axes[row, column]
            ax.set_visible(True)
            image = ax.imshow(panel.rho, cmap=colours, vmin=-limit(results), vmax=limit(results), aspect="auto")
            for i, j in np.argwhere(panel.above):
                ax.add_patch(Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor=INK, linewidth=0.9))
            ax.set_title(f"{words(panel.model)} · {words(panel.dataset)}", fontsize=8)
            ax.set_xticks(range(len(panel.statistics)), [short(s) for s in panel.statistics], rotation=60, fontsize=7)
            ax.set_yticks(range(len(panel.masks)), [words(m) for m in panel.masks] if column == 0 else [], fontsize=7)
            ax.spines[:].set_visible(False)
            ax.tick_params(length=0)
        place = figure.add_axes((1 - 0.72 / width, 0.3, 0.1 / width, 0.45))
        bar = figure.colorbar(image, cax=place, label="Spearman’s ρ")
        bar.outline.set_visible(False)
        made.append(
            drawing(
                f"heatmap_{group.replace(' ', '_')}",
                figure,
                alt=f"Spearman's rho with {words(group)} by mask and statistic, a panel for each model and task.",
                caption="Outlined: |ρ| above the bound.",
            )
        )
    return made
