"""A tiny model that this project trains itself.

A trained model says in `origin.json` what made it. While that is the code and the parameters that there are, it stays:
its weights are committed, and another processor would give others.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_file, sha256_json, sha256_tree
from benchmark.models.parameters import Shape
from benchmark.sources.models.source import ModelSource
from benchmark.storage import read_json, write_json

ROOT = Path(__file__).parents[3]
# What decides the bytes of a trained model: a part of what its stage depends on, which holds for other sources, too.
TRAINING = (
    "benchmark/discovery.py",
    "benchmark/hashing.py",
    "benchmark/models/competence.py",
    "benchmark/models/embedded.py",
    "benchmark/models/muon.py",
    "benchmark/models/rows.py",
    "benchmark/models/tokenizer.py",
    "benchmark/models/training.py",
    "benchmark/storage.py",
    "benchmark/tasks/dataset.py",
    "benchmark/tasks/embedded",
    "benchmark/tasks/example.py",
    "benchmark/tasks/tokens.py",
)
log = logging.getLogger(__name__)


class EmbeddedModel(ModelSource):
    """A tiny model that this project trains itself."""

    source: Literal["embedded"]
    architecture: Literal["llama", "qwen2"]
    seed: int = Field(ge=0)
    mlp: None = Field(default=None, description="its MLP modules are found by themselves")

    def fetch(self, name: str, folder: Path, work: Path) -> None:
        origin = {
            "name": name,
            "parameters": self.model_dump(mode="json"),
            "code": {path: sha256_tree([ROOT / path]) for path in TRAINING},
        }
        if made_by(origin, folder):
            log.warning(
                "%s: stays as it is, for it was trained by this code; to train it again, delete %s", name, folder
            )
            return
        from benchmark.models.training import train

        train(name, self.architecture, seed=self.seed, folder=folder, work=work / sha256_json(origin)[:32])
        write_json(folder / "origin.json", origin)
        shutil.rmtree(work, ignore_errors=True)

    def known_shape(self, folder: Path) -> Shape:
        from benchmark.models.embedded import Size, get_architecture
        from benchmark.models.tokenizer import vocabulary

        size = Size()
        return Shape(
            layers=size.layers,
            hidden=size.hidden,
            intermediate=size.mlp,
            heads=size.heads,
            kv_heads=size.key_value_heads,
            head_dim=size.hidden // size.heads,
            vocabulary=len(vocabulary(bos=get_architecture(self.architecture).bos)),
            tied=True,
        )

    @property
    def summary(self) -> str:
        return f"embedded, {self.architecture}"


def made_by(origin: dict[str, Any], folder: Path) -> bool:
    """Whether the model in `folder` is whole and was made by what `origin` says."""
    try:
        files = read_json(folder / "manifest.json")["files"]
        return bool(read_json(folder / "origin.json") == origin) and all(
            sha256_file(folder / name) == file["sha256"] for name, file in files.items()
        )
    except (BenchmarkError, OSError):
        return False
