"""The distribution of |rho| beside what permuted outcomes give, and the largest beside the null of the largest."""

from __future__ import annotations

from benchmark.report.drawing import Drawing, drawing
from benchmark.report.results import Results
from benchmark.report.style import FAINT, MUTED, VERDICTS, VERMILLION, bound_line, new_figure, number, tag


def draw(results: Results) -> list[Drawing]:
    table = results.rows("null")
    if table is None:
        return []
    claim, bound = results.found(), results.claim["bound"]
    edges = [*table["low"], table["high"].iloc[-1]]
    shares = {column: table[column] / max(table[column].sum(), 1) for column in ("null_max", "null_cell", "observed")}
    end = min(max(table.loc[table[["null_max", "observed"]].any(axis=1), "high"].max(), bound) + 0.05, 1.0)

    figure = new_figure(4.5, 2.9)
    axes = figure.subplots()
    axes.stairs(shares["null_cell"], edges, fill=True, color=FAINT, label="outcomes permuted")
    axes.stairs(shares["observed"], edges, color=VERMILLION, linewidth=1.4, label="observed")
    bound_line(axes, bound)
    tag(axes, bound, axes.get_ylim()[1], f"bound {number(bound)}", left=False)
    axes.set(xlim=(0, end), xlabel="|ρ| of a cell", ylabel="share of cells", title="All cells")
    axes.legend(loc="upper right", bbox_to_anchor=(1, 0.9))
    cells = drawing(
        "null_cells",
        figure,
        alt="Histogram of |rho| over all declared cells, observed against permuted outcomes.",
        caption="If activations told nothing, the coloured outline would follow the grey area.",
    )

    figure = new_figure(4.5, 2.9)
    axes = figure.subplots()
    axes.stairs(shares["null_max"], edges, fill=True, color=FAINT)
    bound_line(axes, bound)
    height = axes.get_ylim()[1]
    axes.set(xlim=(0, end), ylim=(0, height * 1.15), xlabel="largest |ρ| of a permutation", ylabel="share")
    axes.set_title("The largest")
    quantile, top = claim.get("null_quantile_95"), claim["max_abs_rho"]
    if quantile is not None:
        axes.axvline(quantile, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
    if top is not None:
        axes.axvline(top, color=VERDICTS[claim["verdict"]], linewidth=2)
        text, colour = f"observed {number(top)}", VERDICTS[claim["verdict"]]
        tag(axes, top, height * 1.15, text, left=top > 0.6 * end, color=colour, weight="bold")
    largest = drawing(
        "null_largest",
        figure,
        alt="Histogram of the largest |rho| when outcomes are permuted"
        + (f", with the observed one at {top:.2f}." if top is not None else "."),
        caption="Grey: the largest |ρ| of each joint permutation of the outcomes. Dotted: its 95 % quantile. "
        "Dashed: the bound. The share of permutations that reach the observed one is the p-value.",
    )
    return [cells, largest]
