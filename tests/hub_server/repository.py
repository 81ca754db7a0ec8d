"""A repository at one commit: its files, in memory or on disk, and the metadata that a hub reports about them."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

LARGE = (".safetensors", ".parquet", ".bin")
"""Files that a hub stores outside git (LFS): named by SHA-256 and served from another host."""


@dataclass
class Repository:
    kind: Literal["model", "dataset"]
    name: str
    files: dict[str, bytes | Path]
    gated: bool = False
    card: dict[str, Any] = field(default_factory=dict)

    def size(self, name: str) -> int:
        content = self.files[name]
        return len(content) if isinstance(content, bytes) else content.stat().st_size

    @functools.cached_property
    def etags(self) -> dict[str, str]:
        return {name: self._etag(name) for name in self.files}

    @functools.cached_property
    def revision(self) -> str:
        """A commit hash that depends on every byte of every file."""
        lines = "".join(f"{name} {etag}\n" for name, etag in sorted(self.etags.items()))
        return hashlib.sha1((self.name + "\n" + lines).encode()).hexdigest()

    def _etag(self, name: str) -> str:
        content = self.files[name]
        digest = hashlib.sha256()
        if not name.endswith(LARGE):
            digest = hashlib.sha1(f"blob {self.size(name)}\0".encode())
        if isinstance(content, bytes):
            digest.update(content)
        else:
            with content.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
        return digest.hexdigest()

    def siblings(self) -> list[dict[str, Any]]:
        listed = []
        for name, etag in self.etags.items():
            entry: dict[str, Any] = {"rfilename": name, "size": self.size(name), "blobId": etag}
            if name.endswith(LARGE):
                entry["blobId"] = hashlib.sha1(etag.encode()).hexdigest()
                entry["lfs"] = {"sha256": etag, "size": self.size(name), "pointerSize": 135}
            listed.append(entry)
        return listed

    def tree(self) -> list[dict[str, Any]]:
        return [
            {
                "type": "file",
                "path": entry["rfilename"],
                "size": entry["size"],
                "oid": entry["blobId"],
                **({"lfs": {"oid": entry["lfs"]["sha256"], **entry["lfs"]}} if "lfs" in entry else {}),
            }
            for entry in self.siblings()
        ]
