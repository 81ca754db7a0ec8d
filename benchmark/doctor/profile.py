"""The profile's names, local sources and folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from benchmark.activations.masks import mask_strategy
from benchmark.activations.statistics import STATISTICS
from benchmark.doctor.finding import Finding, fix, ok
from benchmark.errors import unknown
from benchmark.params import EmbeddedDataset, Params
from benchmark.tasks.hub.template import get_template
from benchmark.tasks.metrics import get_metric


def check_names(params: Params) -> Iterator[Finding]:
    """Masks, statistics, templates and metrics exist; raises `BenchmarkError` for one that does not."""
    for mask in params.extraction.masks:
        mask_strategy(mask)
    for statistic in {name for names in params.extraction.sites.values() for name in names}:
        if statistic not in STATISTICS:
            raise unknown("statistic", statistic, STATISTICS)
    for source in params.datasets.values():
        if not isinstance(source, EmbeddedDataset):
            get_metric(source.metric or get_template(source.template).metric)
    yield ok(
        "parameters",
        f"{params.paths.params}: {len(params.models)} models, {len(params.datasets)} datasets, "
        f"{len(params.extraction.masks)} masks",
    )


def check_sources(params: Params) -> Iterator[Finding]:
    """Local folders and files are there."""
    for name, model in params.models.items():
        if model.source == "local":
            there = (Path(model.path) / "config.json").is_file()
            yield (
                ok(name, model.path) if there else fix(name, f"{model.path} holds no model: correct models.{name}.path")
            )
    for name, dataset in params.datasets.items():
        if dataset.source == "local":
            missing = [file for file in (*dataset.pool_files, *dataset.query_files) if not Path(file).is_file()]
            if missing:
                yield fix(name, f"{missing[0]} is missing: correct datasets.{name}")
            else:
                yield ok(name, ", ".join(dict.fromkeys((*dataset.pool_files, *dataset.query_files))))


def check_folders(params: Params) -> Iterator[Finding]:
    """What the stages write to can be written to."""
    for path in (params.data, params.results):
        nearest = _existing(path)
        if os.access(nearest, os.W_OK):
            yield ok(str(path), "can be written")
        else:
            yield fix(str(path), f"{nearest} cannot be written: change its owner, or paths in {params.paths.params}")


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
