"""How reliable the outcomes are: split-half reliability of quality and performance in every pool."""

from __future__ import annotations

from benchmark.report.drawing import Drawing, drawing
from benchmark.report.results import Results
from benchmark.report.style import BLUE, FAINT, ORANGE, new_figure, words

COLOURS = {"quality": BLUE, "performance": ORANGE}


def draw(results: Results) -> list[Drawing]:
    table = results.rows("reliability")
    if table is None:
        return []
    pools = list(dict.fromkeys(zip(table["model"], table["dataset"], strict=True)))
    figure = new_figure(4.5, 0.8 + 0.26 * len(pools))
    axes = figure.subplots()
    for offset, (outcome, rows) in zip((-0.16, 0.16), table.groupby("outcome", sort=False), strict=False):
        rows = rows[rows["reliability"].notna()]
        y = [pools.index(pool) + offset for pool in zip(rows["model"], rows["dataset"], strict=True)]
        colour = COLOURS[str(outcome)]
        axes.hlines(y, rows["reliability_low"].clip(lower=0), rows["reliability_high"], color=colour, linewidth=1.2)
        marker = "o" if outcome == "quality" else "s"
        axes.plot(rows["reliability"].clip(lower=0), y, marker, color=colour, markersize=4.5, label=str(outcome))
    axes.set_yticks(range(len(pools)), [f"{words(model)} · {words(dataset)}" for model, dataset in pools])
    axes.set(xlim=(0, 1.01), ylim=(len(pools) - 0.4, -0.6), xlabel="split-half reliability (Spearman-Brown)")
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, handletextpad=0.2)
    return [
        drawing(
            "reliability",
            figure,
            alt=f"Split-half reliability of quality and performance in {len(pools)} pools, with intervals.",
            caption="An outcome of reliability r cannot correlate above √r with anything.",
        )
    ]
