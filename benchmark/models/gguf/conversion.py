"""A GGUF file into a model folder of the user's cache, once, whole or not at all."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_file
from benchmark.models.gguf.architectures import architecture_of, place_tensors
from benchmark.models.gguf.reading import GgufFile, read_gguf
from benchmark.models.gguf.tokens import build_tokenizer
from benchmark.models.places import in_cache
from benchmark.progress import progress_bar
from benchmark.sources.cache import cache_folder, cache_lock, require_space

VERSION = 1
"""Of the conversion: another one gives other files, and a folder of its own."""
SHARD = 1 << 30
"""Bytes of a file of weights: what the conversion holds in memory at once."""
RECORD = "conversion.json"


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted file: `folder` with the digests of its files, and what it was made from."""

    folder: Path
    files: Mapping[str, Mapping[str, Any]]
    gguf: Mapping[str, Any]
    licence: str | None

    def record(self) -> dict[str, Any]:
        """What a manifest says of it."""
        return {"path": in_cache(self.folder), "files": self.files, "gguf": self.gguf}


def converted_folder(sha256: str) -> Path:
    """Where the conversion of the GGUF file of that digest lies, or will."""
    return cache_folder() / "gguf" / f"{sha256[:32]}-{VERSION}"


def find_conversion(sha256: str) -> Conversion | None:
    """The conversion in the cache, each file compared with its digest; None where there is none or it is damaged."""
    folder = converted_folder(sha256)
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        whole = all(sha256_file(folder / name) == file["sha256"] for name, file in record["files"].items())
    except (OSError, ValueError, KeyError):
        return None
    return Conversion(folder, record["files"], record["gguf"], record["licence"]) if whole else None


def convert(path: Path, sha256: str) -> Conversion:
    """The model in the GGUF file `path`, whose digest is `sha256`, as a folder that `from_pretrained` loads.

    Weights are dequantised to float32 as `gguf.dequantize` does. The files are the same bytes on every machine. Raises
    `BenchmarkError` for whatever in the file is not known exactly, and where the disk is full.
    """
    with cache_lock(f"gguf-{sha256[:32]}"):
        if found := find_conversion(sha256):
            return found
        target = converted_folder(sha256)
        temporary = target.with_name(f".{target.name}")
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(target, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            _write(read_gguf(path), sha256, temporary)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        temporary.replace(target)
    found = find_conversion(sha256)
    if found is None:
        raise BenchmarkError(f"{target} changed while it was written: is its disk sound?")
    return found


def _write(file: GgufFile, sha256: str, folder: Path) -> None:
    architecture = architecture_of(file)
    config = architecture.config(file)
    tokenizer, tokenizer_config = build_tokenizer(file)
    placed = list(place_tensors(file, architecture, config))
    numbers = sum(int(file.tensors[stored].n_elements) for _, stored in placed)
    require_space(4 * numbers, f"the conversion of {file.path.name}")
    _write_json(folder / "config.json", config)
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    _write_json(folder / "tokenizer_config.json", tokenizer_config)
    _write_weights(file, placed, lambda name, array: architecture.turn(name, array, config), folder, 4 * numbers)
    names = sorted(path.name for path in folder.iterdir())
    licence = file.keys.get("general.license")
    record = {
        "licence": None if licence is None else str(licence),
        "gguf": {
            "sha256": sha256,
            "bytes": file.path.stat().st_size,
            "architecture": file.architecture,
            "quantisation": file.quantisation,
            "conversion": VERSION,
        },
        "files": {
            name: {"bytes": (folder / name).stat().st_size, "sha256": sha256_file(folder / name)} for name in names
        },
        "versions": {name: importlib.metadata.version(name) for name in ("gguf", "safetensors", "tokenizers")}
        | {"transformers": importlib.metadata.version("transformers"), "python": platform.python_version()},
    }
    _write_json(folder / RECORD, record)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _write_weights(file: GgufFile, placed: list[tuple[str, str]], turn: Any, folder: Path, total: int) -> None:
    """Files of at most `SHARD` bytes (or one tensor), named and indexed as `save_pretrained` does."""
    shards: list[list[tuple[str, str]]] = [[]]
    filled = 0
    for name, stored in placed:
        size = 4 * int(file.tensors[stored].n_elements)
        if shards[-1] and filled + size > SHARD:
            shards.append([])
            filled = 0
        shards[-1].append((name, stored))
        filled += size
    count = len(shards)
    where: dict[str, str] = {}
    with progress_bar(total, f"converting {file.path.name}", "B", unit_scale=True) as progress:
        for index, shard in enumerate(shards, start=1):
            target = "model.safetensors" if count == 1 else f"model-{index:05}-of-{count:05}.safetensors"
            arrays: dict[str, NDArray[np.float32]] = {}
            for name, stored in shard:
                arrays[name] = np.ascontiguousarray(turn(stored, file.dequantised(stored)))
                where[name] = target
                progress.update(arrays[name].nbytes)
            _save(arrays, folder / target)
    if count > 1:
        _write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": where})


def _save(arrays: dict[str, NDArray[np.float32]], path: Path) -> None:
    from safetensors.numpy import save_file

    save_file(arrays, path, metadata={"format": "pt"})
    with path.open("rb") as file:
        os.fsync(file.fileno())
