"""A causal language model of a hub: safetensors of one commit.

Small files come first and are checked, so that a model which cannot work is refused before its weights are fetched.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from benchmark.errors import BenchmarkError
from benchmark.models.parameters import COMMIT, REPOSITORY, Shape
from benchmark.sources.models.source import PretrainedModel
from benchmark.storage import write_json


class HubModel(PretrainedModel):
    """A causal language model of a hub: safetensors of one commit."""

    source: Literal["hub"]
    repository: str = Field(pattern=REPOSITORY, description="owner/name on the hub")
    revision: str = Field(pattern=COMMIT, description="the commit: 40 hexadecimal digits")

    asks: ClassVar[str] = "the hub"

    def fetch(self, name: str, folder: Path, work: Path) -> None:
        """Its files lie in the cache of huggingface_hub; the manifest names repository and revision, and no folder."""
        from benchmark.hub.card import licence_of, read_card
        from benchmark.hub.fetching import fetch
        from benchmark.hub.repository import list_files
        from benchmark.models.folder import SMALL, require_safetensors, require_whole, weight_files

        listing = list_files("model", self.repository, self.revision)
        require_safetensors(listing.files, self.repository)
        fetched = fetch(listing, [file for file in SMALL if file in listing.files])
        described = self.describe(name, listing.snapshot)
        weights = weight_files(listing.snapshot)
        missing = [file for file in weights if file not in listing.files]
        if missing:
            raise BenchmarkError(f"{self.repository}: its index names {missing[0]}, which the repository does not hold")
        fetched |= fetch(listing, weights)
        require_whole(name, listing.snapshot)
        manifest = {
            "name": name,
            "source": "hub",
            **described,
            "path": None,
            "repository": self.repository,
            "revision": self.revision,
            "licence": licence_of(read_card(listing.snapshot)),
            "files": {file: {"bytes": fetched[file].bytes, "sha256": fetched[file].sha256} for file in sorted(fetched)},
        }
        write_json(folder / "manifest.json", manifest)

    @property
    def summary(self) -> str:
        return f"{self.repository} of the hub"

    def examine(self, name: str) -> str:
        from benchmark.hub.repository import look_up

        return look_up("model", self.repository, self.revision)

    def missing_bytes(self, shape: Shape) -> int:
        """Of its weights in bfloat16."""
        from benchmark.hub.repository import snapshot_folder
        from benchmark.models.shape import weights

        folder = snapshot_folder("model", self.repository, self.revision)
        there = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
        whole = 2 * weights(shape)
        return max(0, whole - there) if there < 0.98 * whole else 0  # norms and headers are not in the estimate
