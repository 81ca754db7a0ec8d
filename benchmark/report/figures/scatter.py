"""The strongest cell, candidate by candidate: its values, and the ranks that Spearman's rho is made of."""

from __future__ import annotations

import numpy as np

from benchmark.analysis.spearman import centred_ranks
from benchmark.report.drawing import Drawing, drawing
from benchmark.report.results import Results
from benchmark.report.style import BLUE, new_figure, number, words

OUTCOMES = {"quality": "quality (nats over zero-shot)", "performance": "performance"}


def draw(results: Results) -> list[Drawing]:
    points = results.scatter()
    if points is None:
        return []
    claim = results.found()
    cell = claim["cell"]
    interval = claim.get("intervals", {}).get("strongest", {})
    label = f"ρ = {number(cell['rho'])}"
    if interval.get("simultaneous"):
        label += " [{}, {}]".format(*(number(value) for value in interval["simultaneous"]))
    where = (
        f"{words(cell['statistic'])} under the mask {words(cell['mask'])}, "
        f"{'layer mean' if cell['layer'] == 'mean' else 'layer ' + str(cell['layer'])}, against {cell['outcome']}"
    )
    ranks = (centred_ranks(np.stack(points)) + len(points[0]) + 1) / 2
    made = []
    for name, (x, y) in {"values": points, "ranks": (ranks[0], ranks[1])}.items():
        figure = new_figure(4.5, 3.5)
        axes = figure.subplots()
        axes.scatter(x, y, s=14, color=BLUE, alpha=0.55, linewidths=0)
        score = f"{words(cell['statistic'])} ({words(cell['mask'])})"
        axes.set(
            title=f"{name.capitalize()}: {label}" if name == "values" else "Ranks",
            xlabel=score if name == "values" else f"rank of {score}",
            ylabel=OUTCOMES[cell["outcome"]] if name == "values" else f"rank of {cell['outcome']}",
        )
        axes.margins(0.04)
        axes.locator_params(nbins=6)
        made.append(
            drawing(
                f"strongest_{name}",
                figure,
                alt=f"Scatter of the strongest cell's {name} over {np.size(x)} candidates: {where}; {label}.",
                lead=f"{words(cell['model'])}, {words(cell['dataset'])}." if name == "values" else "",
                caption=f"{where.capitalize()}; n = {np.size(x)}, {len(np.unique(x))} distinct scores. In brackets the "
                "simultaneous interval."
                if name == "values"
                else "The same candidates as ranks: what Spearman's ρ sees.",
            )
        )
    return made
