"""How many candidates it takes: n needed by the true rho, to show a cell below the bound or one above it."""

from __future__ import annotations

from benchmark.report.drawing import Drawing, drawing
from benchmark.report.results import Results
from benchmark.report.style import BLUE, FAINT, INK, VERMILLION, bound_line, new_figure, number

QUESTIONS = {"below": (BLUE, "s", "to show |ρ| below the bound"), "above": (VERMILLION, "o", "to show one above it")}


def draw(results: Results) -> list[Drawing]:
    table = results.rows("power")
    if table is None or table["n_needed"].isna().all():
        return []
    figure = new_figure(4.5, 3.4)
    axes = figure.subplots()
    curves = table.groupby(["question", "reliability"], sort=True)
    for (question, reliability), rows in sorted(curves, key=lambda curve: list(QUESTIONS).index(str(curve[0][0]))):
        colour, marker, text = QUESTIONS[str(question)]
        rows = rows.dropna(subset="n_needed").sort_values("true_rho")
        if rows.empty:
            continue
        perfect = reliability == table["reliability"].max()
        axes.plot(
            rows["true_rho"],
            rows["n_needed"],
            color=colour,
            marker=marker,
            markersize=3.5,
            linewidth=1.5 if perfect else 0.8,
            alpha=0.25 + 0.75 * float(str(reliability)) ** 2,
            label=text if perfect else None,
        )
        start = rows.iloc[0 if question == "above" else -1]
        axes.annotate(
            number(float(str(reliability)), 1),
            (start["true_rho"], start["n_needed"]),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            color=colour,
        )
    bound_line(axes, results.claim["bound"])
    sizes = sorted(set(results.tables["reliability"]["n"])) if "reliability" in results.tables else []
    for n in sizes:
        axes.axhline(n, color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
    if sizes:
        axes.annotate(f"n = {sizes[-1]:.0f}", (1, sizes[-1]), xytext=(3, 0), textcoords="offset points",
                      xycoords=("axes fraction", "data"), va="center", fontsize=8)  # fmt: skip
    axes.set_yscale("log")
    axes.set(xlabel="true ρ, with a noise-free outcome", ylabel="candidates needed")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.minorticks_off()
    axes.margins(y=0.1)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2)
    power = table["power"].iloc[0]
    return [
        drawing(
            "power",
            figure,
            alt="Candidates needed to show a correlation below or above the bound, by true rho and reliability.",
            caption=f"For a power of {number(power)}; the small numbers are the outcome’s reliability. "
            "Dashed: the bound; a true ρ near it takes ever more candidates. Dotted: the n of these pools.",
        )
    ]
