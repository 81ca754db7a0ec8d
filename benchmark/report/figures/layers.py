"""Rho layer by layer: every mask and statistic as a thin line, the strongest of each task in colour."""

from __future__ import annotations

import numpy as np

from benchmark.report.drawing import Drawing, drawing
from benchmark.report.results import Results
from benchmark.report.style import MUTED, VERMILLION, bound_line, new_figure, words

COLUMNS = 2


def draw(results: Results) -> list[Drawing]:
    table = results.tables.get("correlations")
    if table is None:
        return []
    table = table[(table["layer"] != "mean") & (table["shots"] == 1) & table["rho"].notna()]
    table = table[(table["site"] == "mlp_output") & (table["pooling"] == "mean")]
    if table.empty:
        return []
    table = table.assign(layer=table["layer"].astype(int)).sort_values("layer", kind="stable")
    end = float(np.ceil(5 * max(table["rho"].abs().max(), results.claim["bound"])) / 5)
    made = []
    for (model, outcome), cells in table.groupby(["model", "outcome"], sort=False):
        datasets = sorted(cells["dataset"].unique())
        rows = -(-len(datasets) // COLUMNS)
        figure = new_figure(4.5, 0.35 + 1.5 * rows)
        grid = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
        strongest: list[str] = []
        for axes in grid.flat[len(datasets) :]:
            axes.set_visible(False)
        for k, (axes, dataset) in enumerate(zip(grid.flat, datasets, strict=False)):
            curves = {
                (mask, statistic): curve[["layer", "rho"]].to_numpy(np.float64)
                for (mask, statistic), curve in cells[cells["dataset"] == dataset].groupby(["mask", "statistic"])
            }
            best = max(curves, key=lambda key: np.abs(curves[key][:, 1]).max())
            broken = np.concatenate([np.vstack([curve, [np.nan, np.nan]]) for curve in curves.values()])
            axes.plot(*broken.T, color=MUTED, alpha=0.35, linewidth=0.5)  # one path: a figure of a tenth of the size
            single = len(curves[best]) == 1
            axes.plot(*curves[best].T, color=VERMILLION, linewidth=1.6, marker="o" if single else None, zorder=3)
            bound_line(axes, results.claim["bound"], both=True, horizontal=True)
            axes.axhline(0, color=MUTED, linewidth=0.5)
            axes.set_title(words(dataset), pad=13)
            axes.text(
                0, 1.02, f"{words(best[0])} · {words(best[1])}", transform=axes.transAxes, color=VERMILLION, fontsize=8
            )
            axes.set(ylim=(-end, end), yticks=[-end, 0, end])
            axes.xaxis.get_major_locator().set_params(integer=True, nbins=7)
            if k + COLUMNS >= len(datasets):
                axes.set_xlabel("layer")
                axes.tick_params(labelbottom=True)
            if k % COLUMNS == 0:
                axes.set_ylabel("ρ")
            strongest.append(f"{words(dataset)}: {best[1]} under {best[0]}")
        made.append(
            drawing(
                f"layers_{model}_{outcome}",
                figure,
                alt=f"Rho with {outcome} by layer for {words(str(model))}; the strongest: {'; '.join(strongest)}.",
                lead=f"{words(str(model))}, {outcome}.",
                caption="Grey: every mask and statistic. Coloured: the one that reaches the largest |ρ|. Dashed: ± the "
                "bound.",
            )
        )
    return made
