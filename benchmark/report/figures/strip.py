"""Every declared cell's |rho| on one line, with the bound, chance, and the interval of the strongest."""

from __future__ import annotations

import numpy as np

from benchmark.report.drawing import Drawing, drawing
from benchmark.report.results import Results
from benchmark.report.style import INK, MUTED, VERDICTS, bound_line, new_figure, number, tag


def draw(results: Results) -> list[Drawing]:
    cells, claim = results.family(), results.claim
    if cells is None or claim["max_abs_rho"] is None:
        return []
    values = cells["rho"].abs().dropna().to_numpy()
    top, bound, chance = claim["max_abs_rho"], claim["bound"], claim.get("null_quantile_95")
    colour = VERDICTS[claim["verdict"]]
    figure = new_figure(4.8, 1.15)
    axes = figure.subplots()
    ticks = np.stack([values, values, np.full(len(values), np.nan)], axis=1).ravel()
    axes.plot(ticks, np.tile([0.0, 0.42, np.nan], len(values)), color=INK, alpha=0.3, linewidth=0.5)
    axes.vlines([top], 0.0, 0.58, color=colour, linewidth=2.2)
    interval = claim.get("intervals", {}).get("strongest", {}).get("simultaneous")
    low = high = top
    if interval:
        low, high = (
            sorted(abs(value) for value in interval) if interval[0] * interval[1] > 0 else (0, max(map(abs, interval)))
        )
        axes.plot([low, high], [0.58, 0.58], color=colour, linewidth=2.2, solid_capstyle="round")
    room = high < 0.75
    axes.annotate(f"largest {number(top)}", (high if room else low, 0.58), xytext=(6 if room else -6, 0),
                  textcoords="offset points", ha="left" if room else "right", va="center", color=colour, weight="bold",
                  bbox={"facecolor": "#fffefb", "linewidth": 0, "pad": 1.5})  # fmt: skip
    bound_line(axes, bound)
    tag(axes, bound, 1.28, f"bound {number(bound)}", left=(chance or 0) >= bound)
    if chance is not None:
        axes.axvline(chance, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        tag(axes, chance, 1.28, f"chance {number(chance)}", left=chance < bound, color=MUTED)
    axes.set(xlim=(0, max(1.0, top)), ylim=(0, 1.3), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"|ρ| of each of the {len(values)} cells")
    return [
        drawing(
            "strip",
            figure,
            alt=f"|rho| of {len(values)} cells from 0 to 1; the largest is {top:.2f}, the bound {bound:.2f}.",
            zoom=1.4,
            caption="One tick a cell. Coloured: the largest |ρ| and its simultaneous interval. Dashed: the bound of "
            "the claim. Dotted: what the largest stays below in 95 % of permutations, that is, by chance alone.",
        )
    ]
