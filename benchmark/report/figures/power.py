"""What this data could have shown: power against the true rho, for both questions."""

from __future__ import annotations

from benchmark.report.drawing import Drawing, drawing
from benchmark.report.results import Results
from benchmark.report.style import BLUE, FAINT, VERMILLION, bound_line, new_figure

QUESTIONS = {
    "above": (VERMILLION, "o", "call a cell above the bound, jointly over the family"),
    "below": (BLUE, "s", "show one cell to lie below the bound"),
}


def draw(results: Results) -> list[Drawing]:
    table = results.tables.get("power")
    if table is None or table["power"].isna().all():
        return []
    figure = new_figure(4.5, 2.9)
    axes = figure.subplots()
    for question, rows in table.groupby("question", sort=False):
        colour, marker, text = QUESTIONS[str(question)]
        rows = rows.sort_values("true_rho")
        axes.plot(rows["true_rho"], rows["power"], color=colour, marker=marker, markersize=4, linewidth=1.4, label=text)
    bound_line(axes, results.claim["bound"])
    axes.set(ylim=(-0.02, 1.02), xlabel="true ρ, with a noise-free target", ylabel="power at this n")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0))
    return [
        drawing(
            "power",
            figure,
            alt="Power to show a cell above, and below, the bound, by the true rho.",
            caption="Dashed: the bound. A true ρ near it can be shown on neither side.",
        )
    ]
