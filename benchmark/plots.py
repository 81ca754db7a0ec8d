"""What `dvc plots show` draws: the headline family, as stated and given the target.

A table holds every family under both claims, so each template filters its rows (Vega-Lite 5, as DVC fills it in).
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def entries(headline: str) -> list[Json]:
    """The `plots` of a dvc.yaml."""
    return [
        {
            "rho by mask and statistic": {
                "template": "cells",
                "x": "statistic",
                "y": {"results/family.csv": "mask"},
                "title": f"Spearman's rho of the {headline} family",
            }
        },
        {
            "the largest rho of each permutation": {
                "template": "histogram",
                "x": "low",
                "y": {"results/null.csv": "null_max"},
                "title": f"The largest |rho| of the {headline} family when outcomes are permuted",
                "x_label": "|rho|",
                "y_label": "permutations",
            }
        },
        {
            "rho of the declared cells": {
                "template": "histogram",
                "x": "low",
                "y": {"results/null.csv": "observed"},
                "title": f"|rho| of the {headline} family",
                "x_label": "|rho|",
                "y_label": "cells",
            }
        },
    ]


def templates(headline: str) -> dict[str, Json]:
    """{name: Vega-Lite specification} of the templates that `entries` names."""
    return {"cells": _cells(headline), "histogram": _histogram(headline)}


def _template(headline: str, numbers: tuple[str, ...], panel: str) -> Json:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": "<DVC_METRIC_DATA>", "format": {"parse": dict.fromkeys(numbers, "number")}},
        "title": "<DVC_METRIC_TITLE>",
        "transform": [{"filter": f"datum.family == '{headline}'"}, {"calculate": panel, "as": "panel"}],
        "facet": {"field": "panel", "type": "nominal", "title": None, "sort": "ascending"},
    }


def _cells(headline: str) -> Json:
    """A heatmap for each model, dataset and outcome; the two claims stand side by side."""
    names = ("datum.model", "datum.dataset", "datum.outcome", "replace(datum.claim, '_', ' ')", "datum.rev")
    colour = {
        "condition": {"test": "!isValid(datum.rho)", "value": "#e6e5df"},
        "field": "rho",
        "type": "quantitative",
        "scale": {"scheme": "redblue", "reverse": True, "domain": [-1, 1]},
    }
    tooltip = ("mask", "statistic", "rho", "n", "n_distinct", "undefined")
    fields = {axis: {"field": f"<DVC_METRIC_{axis.upper()}>", "type": "nominal", "sort": None} for axis in "xy"}
    return _template(headline, ("rho",), " + ' · ' + ".join(names)) | {
        "columns": 4,
        "spec": {
            "width": 240,
            "height": {"step": 22},
            "encoding": {axis: field | {"title": None} for axis, field in fields.items()},
            "layer": [
                {
                    "mark": {"type": "rect", "invalid": None},
                    "encoding": {"color": colour, "tooltip": [{"field": f, "type": "nominal"} for f in tooltip]},
                },
                {
                    "transform": [{"filter": "isValid(datum.rho)"}],
                    "mark": {"type": "text", "fontSize": 9},
                    "encoding": {
                        "text": {"field": "rho", "type": "quantitative", "format": ".2f"},
                        "color": {"condition": {"test": "abs(datum.rho) > 0.5", "value": "white"}, "value": "black"},
                    },
                },
            ],
        },
    }


def _histogram(headline: str) -> Json:
    """Counts by bins of |rho|, 0.01 wide, a panel for each claim."""
    axes = {
        axis: {"field": f"<DVC_METRIC_{axis.upper()}>", "type": "quantitative"}
        | {"title": f"<DVC_METRIC_{axis.upper()}_LABEL>"}
        for axis in "xy"
    }
    panel = "replace(datum.claim, '_', ' ') + ' · ' + datum.rev"
    return _template(headline, ("low", "null_max", "observed"), panel) | {
        "columns": 2,
        "spec": {
            "width": 380,
            "height": 200,
            "mark": "bar",
            "encoding": axes | {"x": axes["x"] | {"bin": {"binned": True, "step": 0.01}}},
        },
    }
