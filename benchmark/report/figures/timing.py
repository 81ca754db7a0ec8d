"""How long each loop takes: over its limit, ours and the naive ways, and ours over each of those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from benchmark.report.drawing import Drawing, drawing
from benchmark.report.results import Results
from benchmark.report.style import BLUE, FAINT, MUTED, bound_line, new_figure, words
from benchmark.timing.history import ratios

TICKS = [tick * 10**power for power in (-2, -1, 0, 1, 2, 3) for tick in (1, 1.5, 2, 3, 5, 7)]
Ratios = Sequence[tuple[float, str, Mapping[str, Any]]]
"""(height, way, ratio)"""


def draw(results: Results) -> list[Drawing]:
    over_limit = _by_loop(results.timing, "over_limit")
    if not over_limit:
        return []
    over_naive = _by_loop(results.timing, "over_naive")
    labels = list(_labels(over_limit))
    height = {(loop, way): y for y, (loop, way) in enumerate(labels)}
    figure = new_figure(5.4, 0.9 + 0.22 * len(labels))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    _points(left, [(height[loop, way], way, ratio) for loop, way, ratio in over_limit])
    _points(right, [(height[loop, way], "ours", ratio) for loop, way, ratio in over_naive if (loop, way) in height])
    left.set_yticks(range(len(labels)), [words(way or loop) for loop, way in labels])
    for text, (_, way) in zip(left.get_yticklabels(), labels, strict=True):
        text.set_fontweight("bold" if way in ("", "ours") else "normal")
        text.set_color(BLUE if way == "ours" else text.get_color())
    left.set(ylim=(len(labels) - 0.4, -0.6), xlabel="time over the limit’s")
    right.set_xlabel("ours over this way’s")
    worst = max(ratio["median"] for _, way, ratio in over_limit if way == "ours")
    limits = results.timing.get("limits", {})
    return [
        drawing(
            "timing",
            figure,
            alt=f"Time of {len(over_limit)} ways to run {len({loop for loop, *_ in over_limit})} loops over the limit, "
            f"and ours over the naive ways; ours takes at most {worst:.2f} times the limit.",
            caption="Left: time over the limit (dashed), which is "
            + "; ".join(f"for {words(loop)} {text}" for loop, text in limits.items())
            + ". Right: ours over each naive way; dashed: no gain. Logarithmic axes, 95 % intervals. Small shapes: "
            "what is done once a pass weighs more than in a real model.",
        )
    ]


def _by_loop(timing: Mapping[str, Any], kind: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(loop, way, ratio) of the ratios of one kind."""
    tree = timing.get("ratios", {}).get(kind, {})
    return [(*name.split(".", 1), ratio) for name, ratio in ratios(tree) if {"low", "high"} <= ratio.keys()]  # type: ignore[misc]


def _labels(entries: Sequence[tuple[str, str, Any]]) -> Iterator[tuple[str, str]]:
    """(loop, way), and (loop, "") as a heading above the ways of each."""
    last = None
    for loop, way, _ in entries:
        if loop != last:
            yield loop, ""
        yield loop, way
        last = loop


def _points(axes: Axes, entries: Ratios) -> None:
    """Medians with their intervals, and the medians in words, on a logarithmic axis that shows 1."""
    bound_line(axes, 1)
    for y, way, ratio in entries:
        ours = way == "ours"
        colour = BLUE if ours else MUTED
        axes.plot([ratio["low"], ratio["high"]], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt")
        axes.plot(ratio["median"], y, "o", color=colour, markersize=4.5, markerfacecolor=colour if ours else "w")
        axes.annotate(f"{ratio['median']:.2f}", (ratio["high"], y), xytext=(5, 0), textcoords="offset points",
                      va="center", fontsize=8, color=colour,
                      bbox={"facecolor": "#fffefb", "linewidth": 0, "pad": 0.8})  # fmt: skip
    low = min([0.9, *(0.92 * ratio["low"] for *_, ratio in entries)])
    high = max([1.1, *(1.45 * ratio["high"] for *_, ratio in entries)])  # with room for the words
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{tick:g}" for tick in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
