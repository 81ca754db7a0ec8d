"""The page reads what the analysis really writes, not only what these tests make up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmark.analysis.claim import ClaimInputs, claim
from benchmark.analysis.correlation import correlate
from benchmark.report import figures
from benchmark.report.grids import consistency_panels, panels
from benchmark.report.results import TABLES, Results, read_results
from benchmark.report.style import styled, words
from benchmark.report.tables import BUILDERS
from benchmark.timing.history import extend
from benchmark.timing.stage import LIMITS, measure
from benchmark.timing.workload import Shape
from tests.analysis.upstream import CONTEXT, PAIRS, parameters, write_all


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    place = tmp_path_factory.mktemp("analysis")
    write_all(place, n=80)
    settings = parameters(permutations=99)
    folder = place / "results"
    inputs = ClaimInputs(PAIRS, folder / "cells", folder / "correlations.csv", folder, settings, CONTEXT)
    correlate(
        PAIRS,
        data=place,
        cells=inputs.cells,
        table=inputs.correlations,
        parameters=settings,
        context=CONTEXT,
    )
    claim(inputs)
    return read_results(folder)


def test_every_table_of_the_analysis_is_found(results: Results) -> None:
    of_other_stages = {"selection", "sae", "learning", "learning_areas", "calibration"}
    assert set(TABLES) - set(results.tables) == of_other_stages


def test_every_table_of_the_page_is_built(results: Results) -> None:
    built = {name for name, build in BUILDERS.items() if build(results) is not None}
    assert built == set(BUILDERS) - {"selectors", "learning", "learning_pools", "calibration", "timing"}


def test_every_cell_is_in_a_panel(results: Results) -> None:
    cells = sum(panel.rho.size for panel in panels(results))
    assert cells == results.found()["n_cells"]
    assert sum(int(np.isnan(panel.rho).sum()) for panel in panels(results)) == results.found()["n_undefined"] > 0
    assert len(consistency_panels(results)) == 2


def test_the_scatter_is_of_the_strongest_cell(results: Results) -> None:
    points = results.scatter()
    assert points is not None
    assert spearmanr(*points).statistic == pytest.approx(results.found()["cell"]["rho"], abs=1e-5)


ELSEWHERE = {"selection", "learning", "layers", "heatmap", "timing", "history"}


@pytest.mark.parametrize("name", sorted(set(figures.FIGURES) - ELSEWHERE))
def test_figures_are_drawn(results: Results, name: str) -> None:
    with styled():
        assert figures.FIGURES[name](results)


def test_what_the_timing_stage_measures_is_drawn(results: Results) -> None:
    content = measure(3, shape=Shape(layers=1, hidden=64, rows=2, tokens=16))
    measured = replace(results, timing=content, history=extend(results.history, content, "0123456789", "2026-01-01"))
    with styled():
        (ratios,), (history,) = figures.FIGURES["timing"](measured), figures.FIGURES["history"](measured)
    for loop in LIMITS:
        assert words(loop) in ratios.svg
        assert words(loop) in history.svg
    for text in ("stored then scipy", "torch in hooks", "unshared"):
        assert text in ratios.svg
    assert "0123456789" in history.svg
    table = BUILDERS["timing"](measured)
    assert table is not None
    assert len(table.rows) == 9
