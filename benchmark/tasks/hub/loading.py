"""From parameters to a `Dataset`: files are fetched and verified, read, drawn from by seed, and rendered."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_file
from benchmark.hub.card import CARD, licence_of, read_card
from benchmark.seeds import generator
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.hub.drawing import draw, inputs_of
from benchmark.tasks.hub.parameters import HubDataset, LocalDataset
from benchmark.tasks.hub.reading import read_rows
from benchmark.tasks.hub.splits import split_files
from benchmark.tasks.hub.template import get_template
from benchmark.tasks.metrics import get_metric


def load_dataset(name: str, source: HubDataset | LocalDataset) -> Dataset:
    """The pool and queries of a real dataset, drawn with the source's seed; distinct, and disjoint in input.

    Raises `BenchmarkError` for what the hub refuses, a format that is not the template's, a label outside the choices,
    and too few examples.
    """
    template = get_template(source.template)
    metric = source.metric or template.metric
    get_metric(metric)
    files = _hub_files(source) if isinstance(source, HubDataset) else _local_files(source)
    with tempfile.TemporaryDirectory() as cache:  # what `datasets` converts to; it would be keyed by name, not content
        pool = draw(
            read_rows(files.pool, cache),
            template,
            source.pool,
            generator(source.seed, "pool"),
            where=f"dataset {name}, {files.names[0]}",
            prefix=files.names[0],
            columns=source.columns,
            max_characters=source.max_characters,
        )
        queries = draw(
            read_rows(files.queries, cache),
            template,
            source.queries,
            generator(source.seed, "queries"),
            where=f"dataset {name}, {files.names[1]}",
            prefix=files.names[1],
            columns=source.columns,
            max_characters=source.max_characters,
            excluded=inputs_of(pool.examples),
        )
    dataset = Dataset(
        name=name,
        kind=template.kind,
        metric=metric,
        separator=template.separator,
        stop=template.stop,
        max_new_tokens=source.max_new_tokens or template.max_new_tokens,
        pool=pool.examples,
        queries=queries.examples,
        source=files.provenance
        | {
            "template": template.name,
            "seed": source.seed,
            "passed_over": {"pool": dict(pool.passed), "queries": dict(queries.passed)},
        },
    )
    dataset.require_distinct(2)
    return dataset


@dataclass(frozen=True, slots=True)
class _Files:
    """Files of pool and queries, what the two parts are called, and where they come from."""

    pool: tuple[Path, ...]
    queries: tuple[Path, ...]
    names: tuple[str, str]
    provenance: dict[str, Any]


def _hub_files(source: HubDataset) -> _Files:
    from benchmark.hub.fetching import fetch
    from benchmark.hub.repository import list_files

    listing = list_files("dataset", source.repository, source.revision)
    fetch(listing, [name for name in (CARD,) if name in listing.files])
    card = read_card(listing.snapshot)
    splits = {
        split: split_files(listing.files, card, source.config, split, source.repository)
        for split in (source.pool_split, source.query_split)
    }
    fetched = fetch(listing, [name for names in splits.values() for name in names])
    provenance = {
        "source": "hub",
        "repository": source.repository,
        "revision": source.revision,
        "config": source.config,
        "licence": licence_of(card),
        "files": {name: {"bytes": file.bytes, "sha256": file.sha256} for name, file in sorted(fetched.items())},
    }
    parts = (source.pool_split, source.query_split)
    pool, queries = (tuple(listing.snapshot / name for name in splits[part]) for part in parts)
    return _Files(pool, queries, parts, provenance)


def _local_files(source: LocalDataset) -> _Files:

    described = {}
    for name in sorted({*source.pool_files, *source.query_files}):
        path = Path(name)
        if not path.is_file():
            raise BenchmarkError(f"{name} is missing: correct `pool_files` or `query_files` in the parameters")
        described[name] = {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
    provenance = {"source": "local", "licence": source.licence, "files": described}
    pool, queries = (tuple(map(Path, names)) for names in (source.pool_files, source.query_files))
    return _Files(pool, queries, ("pool", "query"), provenance)
