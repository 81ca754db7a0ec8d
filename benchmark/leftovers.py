"""What lies among data and results of a profile but belongs to no model and dataset that it names."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.params import Params
from benchmark.stages.names import PARAMETERS
from benchmark.stages.stage import instances
from benchmark.storage import atomic

BY_PART = ("activations", "quality", "embeddings", "answers", "labels", "selection", "planted", "features")


def leftovers(params: Params) -> list[Path]:
    """Every such file and folder, sorted."""
    models, datasets = set(params.models), set(params.datasets)
    cells = {f"{model}-{dataset}" for model in models for dataset in datasets}
    found = _others(params.data / "datasets", datasets | {Path(PARAMETERS).stem})
    found += _others(params.results / "cells", cells)
    found += _others(params.data / "text", datasets) + _others(params.data / "sae", set(params.sae.models))
    found += _others(params.data / "prompts", models)
    found += [path for model in models for path in _others(params.data / "prompts" / model, datasets)]
    for kind in BY_PART:
        found += _others(params.data / kind, models)
        for model in models:
            found += [path for path in _others(params.data / kind / model, datasets) if path.is_dir()]
    return sorted(found)


def _others(folder: Path, names: set[str]) -> list[Path]:
    there = folder.iterdir() if folder.is_dir() else ()
    return [path for path in there if path.name.split(".")[0] not in names and not path.name.startswith(".")]


def refuse(params: Params) -> None:
    """Raises `BenchmarkError` that lists them all and names the command that removes them."""
    found = leftovers(params)
    if found:
        raise BenchmarkError(
            f"{', '.join(map(str, found))} {'belong' if len(found) > 1 else 'belongs'} to no model and dataset of "
            f"{params.paths.params}: `python -m benchmark --params {params.paths.params} clean` removes what is listed"
        )


def remove(params: Params) -> list[Path]:
    """Removes them and returns what they were."""
    found = leftovers(params)
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    _forget_stages(Path(params.paths.params).with_name("dvc.lock"), set(instances(params)))
    return found


def _forget_stages(lock: Path, names: set[str]) -> None:
    """Takes the stages out of a dvc.lock that the profile does not have any more: DVC forgets none."""
    if lock.is_file():
        head, *entries = re.split(r"^(?=  \S)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
        with atomic(lock) as file:
            file.write((head + "".join(entry for entry in entries if entry.split(":")[0].strip() in names)).encode())
