"""`dvc plots`: its templates fill with the columns of the tables, and show the headline family alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dvc_render.vega import VegaRenderer  # type: ignore[import-untyped]

from benchmark.dvcfile import rendered
from benchmark.plots import entries

ROOT = Path(__file__).parents[1]
ROW = {"family": "paper", "claim": "as_stated", "model": "m", "dataset": "d", "outcome": "quality", "mask": "self",
       "statistic": "mean", "rho": "0.2", "n": "9", "n_distinct": "9", "undefined": "", "low": "0.1", "null_max": "3",
       "observed": "4", "rev": "workspace", "filename": "family.csv", "field": "mask"}  # fmt: skip


@pytest.mark.parametrize("profile", ["params.yaml", "pretrained/params.yaml", "paper/params.yaml"])
def test_the_committed_templates_are_made_from_the_packages(profile: str) -> None:
    for path, text in rendered(ROOT / profile).items():
        if path.suffix == ".json":
            assert path.read_text(encoding="utf-8") == text, "run `python -m benchmark pipeline`"


PLOTS = [plot for entry in entries("paper") for plot in entry.values()]


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: str(plot["title"]))
def test_a_template_takes_a_row_of_its_table(plot: dict[str, object]) -> None:
    (y,) = plot["y"].values()  # type: ignore[attr-defined]
    properties = {name: value for name, value in plot.items() if name != "y"}
    filled = VegaRenderer([ROW], "p", template_dir=str(ROOT / ".dvc/plots"), y=y, **properties).get_filled_template()
    assert "<DVC_METRIC" not in json.dumps(filled)
    assert filled["data"]["values"] == [ROW]
    assert {"filter": "datum.family == 'paper'"} in filled["transform"]
    axes = filled["spec"]["encoding"]
    assert (axes["x"]["field"], axes["y"]["field"]) == (plot["x"], y)
