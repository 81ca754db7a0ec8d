"""The profile's names, local sources and folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmark.activations.masks import mask_strategy
from benchmark.activations.statistics import STATISTICS
from benchmark.doctor.finding import Finding, fix, ok
from benchmark.errors import unknown
from benchmark.hashing import sha256_file
from benchmark.params import Params
from benchmark.storage import read_json


def check_names(params: Params) -> Iterator[Finding]:
    """Masks, statistics, templates and metrics exist; raises `BenchmarkError` for one that does not."""
    for mask in params.extraction.masks:
        mask_strategy(mask)
    for statistic in {name for names in params.extraction.sites.values() for name in names}:
        if statistic not in STATISTICS:
            raise unknown("statistic", statistic, STATISTICS)
    for source in params.datasets.values():
        source.outline()
    yield ok(
        "parameters",
        f"{params.paths.params}: {len(params.models)} models, {len(params.datasets)} datasets, "
        f"{len(params.extraction.masks)} masks",
    )


def check_local_files(params: Params) -> Iterator[Finding]:
    """Files of this machine that the stages have read are those that they read: DVC does not watch them."""
    for name, model in params.models.items():
        record = params.model_folder(name) / "manifest.json"
        files = model.local_files(read_json(record)) if record.is_file() else {}
        if files:
            yield _unchanged(name, files, _stage(params, f"model@{name}"))
    for name, dataset in params.datasets.items():
        record = params.dataset_folder(name) / "dataset.json"
        if dataset.local_files and record.is_file():
            yield _unchanged(name, read_json(record)["source"].get("files", {}), _stage(params, "dataset"))


def _stage(params: Params, stage: str) -> str:
    return f"{params.command} --force --single-item {stage}"


def _unchanged(name: str, files: Mapping[str, Mapping[str, Any]], stage: str) -> Finding:
    """Whether local files are those that `stage` read, as it recorded them: DVC does not watch files elsewhere."""

    for file, was in files.items():
        path = Path(file)
        if not path.is_file() or path.stat().st_size != was["bytes"] or sha256_file(path) != was["sha256"]:
            return fix(name, f"{file} changed since its stage ran: `{stage}`")
    return ok(name, f"{len(files)} local files are as its stage read them")


def check_folders(params: Params) -> Iterator[Finding]:
    """What the stages write to can be written to."""
    for path in (params.data, params.results):
        folder = nearest(path)
        if os.access(folder, os.W_OK):
            yield ok(str(path), "can be written")
        else:
            yield fix(str(path), f"{folder} cannot be written: change its owner, or paths in {params.paths.params}")


def nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
