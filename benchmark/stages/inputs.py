"""What a shard of work depends on: its parameters, the files it reads, and the code that computes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.params import Params
from benchmark.shards import digest_files

CODE = Path(__file__).parents[1]


def shard_key(params: Params, section: Any, *inputs: Path, code: tuple[str, ...]) -> dict[str, Any]:
    """The key for `compute_shards`; `code` are files and folders of the package.

    The device is part of it, for a GPU's digits are not a CPU's; the paths are not, for they change no result.
    """
    return {
        "parameters": section.model_dump(mode="json"),
        "seed": params.seed,
        "device": params.device,
        "dtype": params.dtype,
        "inputs": digest_files(inputs),
        "code": digest_files(CODE / name for name in code),
    }
