"""The card of a repository: the YAML at the head of its README.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmark.errors import BenchmarkError

CARD = "README.md"


def read_card(folder: Path) -> dict[str, Any]:
    """The card in `folder`; empty where there is none."""
    from huggingface_hub import metadata_load

    if not (folder / CARD).is_file():
        return {}
    try:
        return dict(metadata_load(folder / CARD) or {})
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise BenchmarkError(f"the head of {folder / CARD} is not a YAML mapping: {error}") from error


def licence_of(card: Mapping[str, Any]) -> str | None:
    """The licence that a card names (its own name for `other`); None where it names none."""
    licence = card.get("license_name") if card.get("license") == "other" else card.get("license")
    if isinstance(licence, list):
        return ", ".join(map(str, licence))
    return None if licence is None else str(licence)
