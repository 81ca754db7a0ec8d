"""Which Parquet files of a dataset repository make up a split of a configuration."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Mapping
from typing import Any

from benchmark.errors import BenchmarkError

NUMBERED = re.compile(r"-(\d{5})-of-(\d{5})\.parquet$")


def split_files(names: Collection[str], card: Mapping[str, Any], config: str, split: str, repository: str) -> list[str]:
    """The files of `split`, sorted; as the card (front matter of README.md) says, else as their names say.

    Raises `BenchmarkError` where the configuration or the split is unknown, incomplete, or not in Parquet.
    """
    patterns = _declared(card, config, split, repository) or _usual(config, split)
    found = sorted(name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns))
    if not found:
        if not any(name.endswith(".parquet") for name in names):
            raise BenchmarkError(f"{repository} holds no Parquet files (scripts are never run): use another revision")
        raise BenchmarkError(f"{repository} has no files of split {split!r} of configuration {config!r}")
    strange = [name for name in found if not name.endswith(".parquet")]
    if strange:
        raise BenchmarkError(f"{repository}: {strange[0]} of split {split!r} is not in Parquet: use another revision")
    _require_all_parts(found, split, repository)
    return found


def _declared(card: Mapping[str, Any], config: str, split: str, repository: str) -> list[str]:
    entries = card.get("configs") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BenchmarkError(f"{repository}: `configs` of its card is not a list of mappings: use another revision")
    configs = {entry.get("config_name", "default"): entry.get("data_files") for entry in entries}
    if not configs:
        return []
    if config == "default" and config not in configs and len(configs) == 1:
        config = next(iter(configs))
    if config not in configs:
        raise BenchmarkError(f"{repository} has no configuration {config!r}: it has {', '.join(sorted(configs))}")
    data_files = configs[config]
    if not isinstance(data_files, list) or not all(isinstance(entry, dict) for entry in data_files):
        return []
    splits = {entry.get("split"): entry.get("path") for entry in data_files}
    if split not in splits:
        raise BenchmarkError(f"{repository} has no split {split!r}: it has {', '.join(map(str, splits))}")
    path = splits[split]
    return [path] if isinstance(path, str) else list(path)


def _usual(config: str, split: str) -> list[str]:
    folders = ("data/", "") if config == "default" else (f"{config}/", f"data/{config}/")
    return [f"{folder}{split}{ending}" for folder in folders for ending in ("-*.parquet", ".parquet", "/*.parquet")]


def _require_all_parts(found: list[str], split: str, repository: str) -> None:
    numbered = [match for name in found if (match := NUMBERED.search(name))]
    if numbered and len(numbered) != int(numbered[0][2]):
        raise BenchmarkError(f"{repository}: split {split!r} has {len(numbered)} of {int(numbered[0][2])} files")
