"""A causal language model of this machine: a folder as `save_pretrained` writes it, or a GGUF file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from benchmark.errors import BenchmarkError
from benchmark.models.parameters import Shape
from benchmark.sources.models.source import PretrainedModel

GGUF = ".gguf"


class LocalModel(PretrainedModel):
    """A causal language model in a folder or a GGUF file of this machine."""

    source: Literal["local"]
    path: str = Field(
        min_length=1, description="a folder with config.json, *.safetensors and tokenizer.json, or a file in .gguf"
    )
    licence: str | None = Field(default=None, description="recorded with the results")

    def fetch(self, name: str, folder: Path, work: Path) -> None:
        place, record = self._converted() if self._is_gguf else self._read(name)
        self.record(name, folder, place, record)

    @property
    def _is_gguf(self) -> bool:
        return self.path.endswith(GGUF)

    def _read(self, name: str) -> tuple[Path, dict[str, Any]]:
        from benchmark.hub.card import licence_of, read_card
        from benchmark.models.folder import files_of

        path = Path(self.path)
        if not path.is_dir():
            raise BenchmarkError(f"model {name}: {path} is not a folder: correct `path` in the parameters")
        licence = self.licence or licence_of(read_card(path))
        return path, {"path": self.path, "licence": licence, "files": files_of(path)}

    def _converted(self) -> tuple[Path, dict[str, Any]]:
        from benchmark.hashing import sha256_file
        from benchmark.models.gguf import convert

        path = Path(self.path)
        if not path.is_file():
            raise BenchmarkError(f"{path} is missing: correct `path` in the parameters")
        conversion = convert(path, sha256_file(path))
        return conversion.folder, conversion.record() | {"licence": self.licence or conversion.licence}

    def known_shape(self, folder: Path) -> Shape | None:
        shape = super().known_shape(folder)
        if shape is None and (Path(self.path) / "config.json").is_file():
            from benchmark.models.shape import shape_in

            return shape_in(Path(self.path))
        return shape

    @property
    def summary(self) -> str:
        return f"from {self.path}"

    def examine(self, name: str) -> str:
        path = Path(self.path)
        if not path.is_file() if self._is_gguf else not (path / "config.json").is_file():
            raise BenchmarkError(f"{self.path} holds no model: correct models.{name}.path")
        return ""

    def local_files(self, manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        if "gguf" in manifest:
            return {self.path: manifest["gguf"]}
        return {str(Path(self.path) / name): file for name, file in manifest["files"].items()}
