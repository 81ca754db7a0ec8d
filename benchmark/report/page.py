"""The page: one HTML file with everything in it, and the figures as files beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmark import __version__
from benchmark.analysis.p_values import p_text
from benchmark.analysis.parameters import CLAIMS
from benchmark.analysis.words import COMBINATIONS
from benchmark.attestations import Attestation
from benchmark.report import outlook
from benchmark.report.answers import active_learning, selection
from benchmark.report.attested import NOTE, attested
from benchmark.report.drawing import Drawing
from benchmark.report.figures import draw_all
from benchmark.report.figures.selection import FAMILIES
from benchmark.report.grids import consistency_panels, gradient, limit, panels, readable, shade, short
from benchmark.report.results import Results, read_results
from benchmark.report.style import VERDICTS, number, words
from benchmark.report.tables import BUILDERS, p_value
from benchmark.storage import atomic

TEMPLATES = Path(__file__).parent / "templates"
MEANINGS = {
    "reproduced": "no correlation exceeds the bound, and the experiment could have shown one. It does not mean that "
    "activations say nothing of an example: weaker correlations, and other scores, stay possible.",
    "refuted": "at least one correlation lies above the bound, beyond what chance explains. It does not mean that the "
    "score is of use: one that works for one model and task may fail for the next (see Consistency and Selectors).",
    "exceeded": "a correlation exceeds the bound in this sample, but is not shown to exceed it in truth. It neither "
    "confirms the claim nor refutes it: more candidates would tell.",
    "inconclusive": "nothing follows, either way: this experiment could not have shown a correlation above the bound.",
}
GLOSSES = {
    "reproduced": "none above the bound, and one would have been seen",
    "refuted": "one lies above the bound, beyond chance",
    "exceeded": "one lies above the bound here, but not clearly",
    "inconclusive": "too few data to say",
}
"""A verdict in ten words."""
SELF_TEST = "embedded"
PROFILES = {
    "embedded": "These are tiny models that this project trained on tasks of its own, to test the instrument. The "
    "verdict is theirs. It is not the paper’s, and says nothing about Llama-3.2-3B or Qwen2.5-3B.",
    "pretrained": "Two small language models, listed below, on real text. It says nothing about Llama-3.2-3B or "
    "Qwen2.5-3B, the models of the paper.",
    "paper": "The models and datasets that the paper’s claim is about.",
}


def write_report(
    folder: Path,
    profile: str,
    record: Mapping[str, Any] | None = None,
    calibration: Path | None = None,
    attestations: Sequence[Attestation] = (),
) -> Path:
    """Reads the results in `folder` and writes `report.html` and `figures/*.svg, *.png` there; returns the page.

    `profile` is the name of the profile that the results are of; `calibration` is that of `read_results`. `record`,
    nested mappings of plain values, is shown as what was run: models, revisions, hashes, seeds. Nothing in it may
    differ between two runs with the same results, or the page would; what does stands in `provenance.json`, to which
    the page refers. `attestations` say who reran it. Everything is drawn before anything is written; figures of an
    earlier run that are no longer drawn are removed. Raises `BenchmarkError` as `read_results` does.
    """
    results = read_results(folder, calibration)
    figures = draw_all(results)
    page = render(results, profile, figures, record or {}, attestations)
    drawn = {f"{drawing.name}.{kind}" for group in figures.values() for drawing in group for kind in ("svg", "png")}
    for group in figures.values():
        for drawing in group:
            with atomic(folder / "figures" / f"{drawing.name}.svg") as file:
                file.write(drawing.svg.encode() + b"\n")
            with atomic(folder / "figures" / f"{drawing.name}.png") as file:
                file.write(drawing.png)
    for path in sorted((folder / "figures").glob("*.*")):
        if path.suffix in (".svg", ".png") and path.name not in drawn:
            path.unlink()
    with atomic(folder / "report.html") as file:
        file.write(page.encode())
    return folder / "report.html"


def render(
    results: Results,
    profile: str,
    figures: Mapping[str, Sequence[Drawing]],
    record: Mapping[str, Any],
    attestations: Sequence[Attestation] = (),
) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        p_text=p_text, words=words, short=short, rho=_rho, p=p_value, kind=_kind, plain=_plain, heads=_heads
    )
    heat = {claim: panels(results, claim) for claim in CLAIMS}
    page: str = environment.get_template("page.html.j2").render(
        claim=results.claim,
        profile=profile,
        about=PROFILES.get(profile, f"The models and datasets of the profile “{profile}”, listed below."),
        self_test=profile == SELF_TEST,
        glosses=GLOSSES,
        combinations=COMBINATIONS,
        meaning=MEANINGS[results.claim["verdict"]],
        colour=VERDICTS[results.claim["verdict"]],
        colours=VERDICTS,
        readable=readable,
        notes=notes(record),
        found={claim: results.found(claim) for claim in CLAIMS},
        groups={
            claim: {
                group: [panel for panel in made if panel.group == group]
                for group in dict.fromkeys(p.group for p in made)
            }
            for claim, made in heat.items()
        },
        consistency=consistency_panels(results),
        end=limit(results),
        gradient=gradient(),
        shade=shade,
        nan=math.isnan,
        figures=figures,
        kinds=FAMILIES,
        answers={"active_learning": active_learning(results), "selection": selection(results)},
        tables={name: build(results) for name, build in BUILDERS.items()},
        outlook={
            "answer": outlook.answer(results),
            "cells": outlook.outlook(results),
            "dictionaries": outlook.dictionaries(results),
        },
        present=set(results.tables),
        timing=results.timing,
        record_of_run=record,
        attested=attested(attestations, profile),
        recomputed=NOTE,
        version=__version__,
    )
    return page


def notes(record: Mapping[str, Any]) -> dict[str, str]:
    """What must be said beside every result of a model or dataset: {name: note}, of those that have one."""
    parts = [record.get(part) for part in ("models", "datasets")]
    entries = {name: entry for part in parts if isinstance(part, Mapping) for name, entry in part.items()}
    return {
        name: str(entry["note"]) for name, entry in entries.items() if isinstance(entry, Mapping) and entry.get("note")
    }


def _rho(value: Any, digits: int = 2) -> str:
    return "–" if value is None else number(float(value), digits)


def _kind(value: Any) -> str:
    """How the template sets a value of a nested record: as a `table` or `map`, a `list` of records, or `text`."""
    if isinstance(value, Mapping):
        rows = [row for row in value.values() if isinstance(row, Mapping)]
        flat = all(_kind(cell) == "text" for row in rows for cell in row.values())
        return "table" if rows and flat and len(rows) == len(value) else "map"
    return "list" if isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value) else "text"


def _heads(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The keys of which any of the rows has a value, in the order of their first."""
    return [key for key in dict.fromkeys(key for row in rows.values() for key in row)
            if any(row.get(key) not in (None, "") for row in rows.values())]  # fmt: skip


def _plain(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
