"""Datasets survive the disk, and bad ones are refused by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example


def _dataset() -> Dataset:
    pool = tuple(
        Example(f"word {i} =>", f" {'AB'[i % 2]}", (" A", " B"), label="AB"[i % 2], id=f"p{i}") for i in range(6)
    )
    return Dataset("toy", "classification", "accuracy", " ;", " ;", 1, pool, pool[:2], {"family": "toy", "seed": 0})


def test_a_dataset_comes_back_as_it_was_written(tmp_path: Path) -> None:
    dataset = _dataset()
    dataset.write(tmp_path)
    assert Dataset.read(tmp_path) == dataset


def test_a_shortened_pool_is_noticed(tmp_path: Path) -> None:
    _dataset().write(tmp_path)
    lines = (tmp_path / "pool.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "pool.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(BenchmarkError, match="truncated: it should hold 6 candidates"):
        Dataset.read(tmp_path)


def test_candidates_must_be_distinct_and_enough() -> None:
    dataset = _dataset()
    dataset.require_distinct(6)
    with pytest.raises(BenchmarkError, match="at least 7 are needed"):
        dataset.require_distinct(7)
    twin = dataclasses.replace(dataset.pool[0], id="twin")
    with pytest.raises(BenchmarkError, match="only 6 of its 7 candidates are distinct"):
        dataclasses.replace(dataset, pool=(*dataset.pool, twin)).require_distinct(3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": "  "}, "empty input"),
        ({"target": " "}, "empty target"),
        ({"target": " C"}, "none of its choices"),
        ({"choices": ()}, "neither choices nor a reference"),
    ],
)
def test_a_bad_example_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(BenchmarkError, match=f"p0.*{message}"):
        dataclasses.replace(_dataset().pool[0], **change)  # type: ignore[arg-type]


def test_a_bad_dataset_is_named() -> None:
    dataset = _dataset()
    with pytest.raises(BenchmarkError, match="its queries is empty"):
        dataclasses.replace(dataset, queries=())
    with pytest.raises(BenchmarkError, match="'p0' occurs twice in its pool"):
        dataclasses.replace(dataset, pool=(dataset.pool[0], dataset.pool[0]))
    with pytest.raises(BenchmarkError, match="of a generative task has 2 choices"):
        dataclasses.replace(dataset, kind="generative")
