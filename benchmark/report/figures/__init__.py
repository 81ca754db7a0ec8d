"""One figure a file: a function from the results to its drawings, none where the tables it needs are missing."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

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
    workers = min(len(FIGURES), len(os.sched_getaffinity(0)))
    with styled(), ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:  # forks inherit the style
        drawn = {name: pool.submit(draw, results) for name, draw in FIGURES.items()}
        return {name: drawings.result() for name, drawings in drawn.items()}
