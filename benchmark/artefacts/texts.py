"""`data/text/D.jsonl`: text of a dataset that is neither a candidate nor a query."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmark.storage import read_lines, write_lines
from benchmark.tasks.example import Example


def write_texts(path: Path, examples: Iterable[Example]) -> None:
    """Each example as a demonstration has it, its target after its input."""
    write_lines(path, ({"id": example.id, "text": example.input + example.target} for example in examples))


def read_texts(path: Path) -> list[str]:
    return [str(record["text"]) for record in read_lines(path)]
