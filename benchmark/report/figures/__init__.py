"""One figure a file: a function from the results to its drawings, none where the tables it needs are missing."""

from collections.abc import Callable

from benchmark.report.drawing import Drawing
from benchmark.report.figures import (
    heatmap,
    history,
    layers,
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

FIGURES: dict[str, Callable[[Results], list[Drawing]]] = {
    "strip": strip.draw,
    "heatmap": heatmap.draw,
    "null": null.draw,
    "scatter": scatter.draw,
    "layers": layers.draw,
    "selection": selection.draw,
    "reliability": reliability.draw,
    "power": power.draw,
    "timing": timing.draw,
    "history": history.draw,
}


def draw_all(results: Results) -> dict[str, list[Drawing]]:
    """{figure: its drawings}."""
    with styled():
        return {name: draw(results) for name, draw in FIGURES.items()}
