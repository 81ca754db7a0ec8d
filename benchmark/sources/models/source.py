"""What every kind of model source can do; the code that uses one asks it, and never which kind it is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from benchmark.models.parameters import Shape
from benchmark.section import Section


class ModelSource(Section):
    """Parameters of one model. A kind is a subclass in a file of this folder, with its name as `source`."""

    source: str
    mlp: str | None = Field(
        default=None,
        description="regular expression of the MLP modules' names, one a layer; null: they are found by themselves",
    )

    asks: ClassVar[str] = ""
    """What it has to reach over a network, if anything: one that is out of reach is asked once."""

    @abstractmethod
    def fetch(self, name: str, folder: Path, work: Path) -> None:
        """Makes the model available, and writes `folder/manifest.json` last; `work` is kept until the next run.

        Raises `BenchmarkError` for whatever makes the model unusable, before anything large is fetched if it can.
        """

    @abstractmethod
    def known_shape(self, folder: Path) -> Shape | None:
        """Its shape as far as it is known now, without a network; None where it is not."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """A few words for `python -m benchmark list`."""

    def examine(self, name: str) -> str:
        """What the doctor says of it, without fetching it; empty where there is nothing to say.

        Raises `BenchmarkError` for what would make the stage fail, as far as that can be known beforehand.
        """
        return ""

    def missing_bytes(self, shape: Shape) -> int:
        """Bytes that are still to be fetched, about."""
        return 0

    def local_files(self, manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """Files of this machine that it read, as the manifest has them: DVC does not watch them, the doctor does."""
        return {}

    @property
    def starts_with_bos(self) -> bool | None:
        """Whether a prompt starts with BOS, as the parameters say; None: as the tokenizer does by itself."""
        return None


class PretrainedModel(ModelSource):
    """What all models that others have trained share."""

    add_bos: bool | None = Field(
        default=None, description="whether a prompt starts with BOS; null: as the model's tokenizer does by itself"
    )
    shape: Shape | None = Field(
        default=None, description="for a plan made before anything is fetched; null: read off the model's config"
    )

    def known_shape(self, folder: Path) -> Shape | None:
        if self.shape is not None:
            return self.shape
        from benchmark.storage import read_json

        record = folder / "manifest.json"
        described = read_json(record).get("shape") if record.is_file() else None
        return None if described is None else Shape.model_validate(described)

    def describe(self, name: str, place: Path) -> dict[str, Any]:
        """Architecture, shape and BOS policy of the model in `place`; its weights need not be there."""
        from benchmark.models.folder import describe

        return describe(name, place, add_bos=self.add_bos, mlp=self.mlp, shape=self.shape)

    def record(self, name: str, folder: Path, place: Path, record: Mapping[str, Any]) -> None:
        """Writes the manifest of a model of no hub, with `record`, once what lies in `place` proves whole."""
        from benchmark.models.folder import require_whole
        from benchmark.storage import write_json

        described = self.describe(name, place)
        require_whole(name, place)
        head = {"name": name, "source": self.source, **described, "repository": None, "revision": None}
        write_json(folder / "manifest.json", {**head, **record})

    @property
    def starts_with_bos(self) -> bool | None:
        return self.add_bos
