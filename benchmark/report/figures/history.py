"""How our loops' times over the limit went from revision to revision, machine by machine."""

from __future__ import annotations

from itertools import groupby

from benchmark.report.drawing import Drawing, drawing
from benchmark.report.results import Results
from benchmark.report.style import BLUE, FAINT, GREEN, MUTED, VERMILLION, bound_line, new_figure, words
from benchmark.timing.history import EDITED

PREFIX, SUFFIX = "over_limit.", ".ours"
COLOURS = (BLUE, VERMILLION, GREEN)
MARKERS = "osD"
LAST = 16
"""Runs that are shown: more commits cannot be read on an axis."""


def draw(results: Results) -> list[Drawing]:
    table = results.history
    table = table[table["ratio"].str.startswith(PREFIX) & table["ratio"].str.endswith(SUFFIX)]
    runs = list(dict.fromkeys(zip(table["machine"], table["commit"], strict=True)))
    machines = list(dict.fromkeys(machine for machine, _ in runs))
    shown = sorted(runs[-LAST:], key=lambda run: machines.index(run[0]))  # stable: a machine's runs stay in their order
    if not shown:
        return []
    place = {run: x for x, run in enumerate(shown)}
    figure = new_figure(4.5, 3.0)
    axes = figure.subplots()
    bound_line(axes, 1, horizontal=True)
    loops = list(dict.fromkeys(table["ratio"]))
    for index, loop in enumerate(loops):
        rows = table[table["ratio"] == loop]
        found = {place[run]: row for run, row in zip(zip(rows["machine"], rows["commit"], strict=True),
                                                     rows.to_dict("records"), strict=True) if run in place}  # fmt: skip
        colour, shift = COLOURS[index % len(COLOURS)], 0.14 * (index - (len(loops) - 1) / 2)
        for _, part in groupby(sorted(found), key=lambda x: found[x]["machine"]):
            xs = list(part)
            at = [x + shift for x in xs]
            axes.vlines(at, [found[x]["low"] for x in xs], [found[x]["high"] for x in xs], color=colour, linewidth=1.2)
            axes.plot(at, [found[x]["median"] for x in xs], color=colour, linewidth=0.8, alpha=0.6)
            for x, where in zip(xs, at, strict=True):
                edited = found[x]["commit"].endswith(EDITED)
                axes.plot(where, found[x]["median"], MARKERS[index % len(MARKERS)], color=colour, markersize=4,
                          markerfacecolor="w" if edited else colour)  # fmt: skip
        axes.plot([], [], MARKERS[index % len(MARKERS)] + "-", color=colour, markersize=4, linewidth=0.8,
                  label=words(loop.removeprefix(PREFIX).removesuffix(SUFFIX)))  # fmt: skip
    letters = {machine: chr(ord("A") + i % 26) for i, machine in enumerate(dict.fromkeys(m for m, _ in shown))}
    for machine, letter in letters.items() if len(letters) > 1 else ():
        start = min(x for run, x in place.items() if run[0] == machine) - 0.5
        if start > 0:
            axes.axvline(start, color=MUTED, linewidth=0.7)
        axes.annotate(letter, (start, 1), xycoords=("data", "axes fraction"), xytext=(3, -2),
                      textcoords="offset points", va="top", weight="bold")  # fmt: skip
    axes.set_xticks(range(len(shown)), [commit for _, commit in shown], rotation=45, ha="right", rotation_mode="anchor",
                    fontsize=7.5)  # fmt: skip
    axes.set(xlim=(-0.5, max(len(shown), 4) - 0.5), ylabel="our time over the limit’s")
    axes.margins(y=0.12)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=len(loops), handlelength=1.2, columnspacing=1.2)
    names = {machine: f"{letter}: " if len(letters) > 1 else "" for machine, letter in letters.items()}
    measured_on = "; ".join(f"{letter}{machine}" for machine, letter in names.items())
    return [
        drawing(
            "timing_history",
            figure,
            alt=f"Our time over the limit in {len(shown)} measured revisions, from {shown[0][1]} to {shown[-1][1]}.",
            caption=f"By commit, 95 % intervals; dashed: the limit. {measured_on}."
            + (" Open, +: sources were edited." if any(commit.endswith(EDITED) for _, commit in shown) else "")
            + (f" The last {LAST} of {len(runs)} runs." if len(runs) > LAST else ""),
        )
    ]
