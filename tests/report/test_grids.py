from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.report.grids import consistency_panels, contrast, limit, panels, shade
from benchmark.report.results import read_results
from benchmark.storage import read_table


@given(st.floats(-2, 2))
def test_a_number_can_be_read_on_its_colour(value: float) -> None:
    background, text = shade(value, 0.8)
    assert contrast(background, text) > 3.9


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)


def test_the_scale_is_symmetric_and_ends_in_opposite_hues() -> None:
    assert shade(0.0, 1.0)[0] == shade(-0.0, 1.0)[0]
    (low, _), (high, _) = shade(-1.0, 1.0), shade(1.0, 1.0)
    assert int(low[5:], 16) > int(low[1:3], 16)  # blue
    assert int(high[1:3], 16) > int(high[5:], 16)  # red


def test_panels_hold_the_family_cell_by_cell(folder: Path) -> None:
    results = read_results(folder)
    cells = read_table(folder / "family.csv", text=("undefined",))
    cells = cells[(cells.family == "extended") & (cells.claim == "as_stated")]
    made = panels(results)
    assert [(p.group, p.model, p.dataset) for p in made[:3]] == [
        ("quality", "tiny_llama", "topic"),
        ("performance", "tiny_llama", "topic"),
        ("quality", "tiny_llama", "sentiment"),
    ]
    for panel in made:
        own = cells[(cells.model == panel.model) & (cells.dataset == panel.dataset) & (cells.outcome == panel.group)]
        table = own.pivot_table(index="mask", columns="statistic", values="rho", dropna=False)
        np.testing.assert_array_equal(panel.rho, table.loc[list(panel.masks), list(panel.statistics)])
        np.testing.assert_array_equal(panel.above, np.abs(panel.rho) > 0.33)
    assert sum(int(panel.strongest.sum()) for panel in made) == 1
    assert limit(results) == pytest.approx(0.8) or limit(results) == pytest.approx(0.7)


def test_consistency_marks_what_keeps_its_sign(folder: Path) -> None:
    table = read_table(folder / "consistency.csv")
    marked = sum(int(panel.above.sum()) for panel in consistency_panels(read_results(folder)))
    assert marked == ((table.ci_low > 0) | (table.ci_high < 0)).sum()
