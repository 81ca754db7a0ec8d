"""Every declared cell's |rho| on one line, with the bound, chance, and the interval of the strongest."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from benchmark.analysis.parameters import CLAIMS
from benchmark.report.drawing import Drawing, drawing
from benchmark.report.results import Results
from benchmark.report.style import INK, MUTED, VERDICTS, bound_line, new_figure, number, tag

TITLES = {"as_stated": "As stated", "given_target": "Given the target"}


def draw(results: Results) -> list[Drawing]:
    shown = [claim for claim in CLAIMS if results.found(claim)["cell"]]
    if results.cells() is None or not shown:
        return []
    figure = new_figure(4.8, 0.25 + 1.05 * len(shown))
    rows = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    end = max(1.0, *(results.found(claim)["max_abs_rho"] for claim in shown))
    alts = [_line(axes, results, claim, end) for axes, claim in zip(rows, shown, strict=True)]
    rows[-1].set_xlabel("|ρ| of each cell")
    return [
        drawing(
            "strip",
            figure,
            alt=f"|rho| of every cell of the headline family from 0 to 1, bound {results.claim['bound']:.2f}. "
            + " ".join(alts),
            zoom=1.4,
            caption="One tick a cell. Coloured: the largest |ρ| and its simultaneous interval. Dashed: the bound of "
            "the claim. Dotted: what the largest stays below in 95 % of permutations, that is, by chance alone.",
        )
    ]


def _line(axes: Axes, results: Results, claim: str, end: float) -> str:
    """One claim's cells on one line; returns what it shows in words."""
    table = results.rows("family", claim)
    found, bound = results.found(claim), results.claim["bound"]
    values = np.zeros(0) if table is None else table["rho"].abs().dropna().to_numpy()
    top, chance, colour = found["max_abs_rho"], found["null_quantile_95"], VERDICTS[found["verdict"]]
    ticks = np.stack([values, values, np.full(len(values), np.nan)], axis=1).ravel()
    axes.plot(ticks, np.tile([0.0, 0.42, np.nan], len(values)), color=INK, alpha=0.3, linewidth=0.5)
    axes.vlines([top], 0.0, 0.58, color=colour, linewidth=2.2)
    low, high = found["intervals"]["strongest"]["simultaneous"] or (top, top)  # none with too few candidates
    low, high = sorted((abs(low), abs(high))) if low * high > 0 else (0, max(abs(low), abs(high)))
    axes.plot([low, high], [0.58, 0.58], color=colour, linewidth=2.2, solid_capstyle="round")
    room = high < 0.75
    axes.annotate(f"largest {number(top)}", (high if room else low, 0.58), xytext=(6 if room else -6, 0),
                  textcoords="offset points", ha="left" if room else "right", va="center", color=colour, weight="bold",
                  bbox={"facecolor": "#fffefb", "linewidth": 0, "pad": 1.5})  # fmt: skip
    bound_line(axes, bound)
    tag(axes, bound, 1.28, f"bound {number(bound)}", left=chance >= bound)
    axes.axvline(chance, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
    tag(axes, chance, 1.28, f"chance {number(chance)}", left=chance < bound, color=MUTED)
    axes.set(xlim=(0, end), ylim=(0, 1.3), yticks=[], title=f"{TITLES[claim]}: {found['verdict']}")
    axes.spines["left"].set_visible(False)
    return f"{TITLES[claim]}: {len(values)} cells, the largest {top:.2f}."
