"""Where the files of a model lie, as its manifest says it on every machine alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.sources.cache import cache_folder

CACHE = "{cache}/"
"""Stands in a manifest's `path` for the user's cache."""


def in_cache(path: Path) -> str:
    """The `path` of a manifest for a folder of the user's cache."""
    return CACHE + path.relative_to(cache_folder()).as_posix()


def weights_folder(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Where the files that `manifest` lists lie: the hub's cache, the user's cache, a folder, or beside the manifest.

    Raises `BenchmarkError` where one of them is missing or has another size (their hashes were compared when they were
    fetched; comparing them again at every start would cost minutes).
    """
    path = _place(folder, manifest)
    for name, file in manifest.get("files", {}).items():
        found = path / name
        if not found.is_file() or found.stat().st_size != file["bytes"]:
            state = "missing" if not found.is_file() else "not the file that was verified"
            raise BenchmarkError(
                f"{found} is {state}: run `python -m benchmark model {manifest.get('name')}` with this profile again"
            )
    return path


def _place(folder: Path, manifest: Mapping[str, Any]) -> Path:
    if manifest.get("repository"):
        from benchmark.hub.repository import snapshot_folder

        return snapshot_folder("model", manifest["repository"], manifest["revision"])
    path = manifest.get("path")
    if not path:
        return folder
    return cache_folder() / path.removeprefix(CACHE) if path.startswith(CACHE) else Path(path)
