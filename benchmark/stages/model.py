"""model@M: an embedded model is trained; a hub or local one is fetched, verified and described.

A trained model says in `origin.json` what made it. While that is the code and the parameters that there are, it stays:
its weights are committed, and another processor would give others.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from benchmark.dependencies import PACKAGE, ROOT, reached
from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_file, sha256_json
from benchmark.params import EmbeddedModel, Params
from benchmark.parts import WORK
from benchmark.stages.stage import Out, stage
from benchmark.storage import read_json, write_json

TRAINING = PACKAGE / "models/training.py"
"""Where the code starts that decides the bytes of a trained model."""
log = logging.getLogger(__name__)


@stage(per="model", parameters=("models.{model}",), outs=(Out("{data}/models/{model}", kept=True),))
def run(params: Params, model: str) -> None:
    """Train the embedded MODEL, or fetch and verify a hub one."""
    name = model
    folder, source = params.model_folder(name), params.models[name]
    if not isinstance(source, EmbeddedModel):
        from benchmark.models.hub import fetch_model

        fetch_model(name, source, folder)
        return
    origin = {
        "name": name,
        "parameters": source.model_dump(mode="json"),
        "code": {path: sha256_file(ROOT / path) for path in reached(TRAINING)},
    }
    if made_by(origin, folder):
        log.warning("%s: stays as it is, for it was trained by this code; to train it again, delete %s", name, folder)
        return
    from benchmark.models.training import train

    work = WORK / params.profile / "model" / name
    train(name, source.architecture, seed=source.seed, folder=folder, work=work / sha256_json(origin)[:32])
    write_json(folder / "origin.json", origin)
    shutil.rmtree(work, ignore_errors=True)


def made_by(origin: dict[str, Any], folder: Path) -> bool:
    """Whether the model in `folder` is whole and was made by what `origin` says."""
    try:
        files = read_json(folder / "manifest.json")["files"]
        return bool(read_json(folder / "origin.json") == origin) and all(
            sha256_file(folder / name) == file["sha256"] for name, file in files.items()
        )
    except (BenchmarkError, OSError):
        return False
