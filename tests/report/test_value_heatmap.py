"""The template of `dvc plots` fills with the columns of `family.csv`."""

from __future__ import annotations

import json
from pathlib import Path

from dvc_render.vega import VegaRenderer  # type: ignore[import-untyped]

TEMPLATES = Path(__file__).parents[2] / ".dvc" / "plots"


def test_the_template_takes_a_row_of_the_family() -> None:
    row = {"model": "m", "dataset": "d", "outcome": "quality", "mask": "self", "statistic": "mean", "rho": "0.2",
           "n": "9", "undefined": "", "rev": "workspace", "filename": "family.csv", "field": "mask"}  # fmt: skip
    renderer = VegaRenderer(
        [row], "rho", template="value_heatmap", template_dir=str(TEMPLATES), x="statistic", y="mask", title="rho"
    )
    filled = renderer.get_filled_template()
    assert "<DVC_METRIC" not in json.dumps(filled)
    assert filled["data"]["values"][0]["rho"] == "0.2"
    assert filled["data"]["format"] == {"parse": {"rho": "number"}}  # DVC passes a CSV's numbers on as text
    axes = filled["spec"]["encoding"]
    assert (axes["x"]["field"], axes["y"]["field"]) == ("statistic", "mask")
