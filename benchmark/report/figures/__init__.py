"""One figure a file: a function from the results to its drawings, none where the tables it needs are missing."""

from collections.abc import Callable
from functools import partial

from benchmark.report.drawing import Drawing
from benchmark.report.figures import (
    heatmap,
    history,
    layers,
    learning,
    null,
    power,
    reliability,
    scatter,
    selection,
    strip,
    timing,
)
from benchmark.report.results import Results
from benchmark.report.style import styled
from benchmark.workers import in_forks

FIGURES: dict[str, Callable[[Results], list[Drawing]]] = {
    "strip": strip.draw,
    "heatmap": heatmap.draw,
    "null": null.draw,
    "scatter": scatter.draw,
    "layers": layers.draw,
    "selection": selection.draw,
    "learning": learning.draw,
    "reliability": reliability.draw,
    "power": power.draw,
    "timing": timing.draw,
    "history": history.draw,
}


def draw_all(results: Results) -> dict[str, list[Drawing]]:
    """{figure: its drawings}, drawn side by side on the cores that this process may use."""
    with styled():  # forks inherit the style
        return dict(zip(FIGURES, in_forks(partial(draw, results), [*FIGURES]), strict=True))


def draw(results: Results, name: str) -> list[Drawing]:
    return FIGURES[name](results)
