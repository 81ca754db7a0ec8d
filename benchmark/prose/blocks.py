"""What stands between `<!-- KIND WHAT -->` and `<!-- end -->` in a document, made from the result files.

    <!-- verdict pretrained/params.yaml -->           what `python -m benchmark verdict` prints
    <!-- table results/calibration.csv: scenario as truth, n, reproduced in % if n > 60 -->
    <!-- competence data/models/tiny_llama/competence.csv -->
    <!-- replication params.yaml paper/params.yaml -->

A kind is one function here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.errors import BenchmarkError
from benchmark.storage import read_table

Block = Callable[[str, Path], str]
BLOCKS: dict[str, Block] = {}
COLUMN = re.compile(r"(?P<name>\w+)(?: as (?P<head>.+?))?(?: in (?P<unit>%))?")


def _block(make: Block) -> Block:
    BLOCKS[make.__name__] = make
    return make


@_block
def verdict(params: str) -> str:
    """The lines of `python -m benchmark verdict`."""
    from benchmark import verdict as lines
    from benchmark.params import load_params

    return f"```\n{lines.run(load_params(Path(params)))}\n```\n"


@_block
def table(what: str) -> str:
    """Columns of a CSV file, under other heads where `as` gives one, shares in percent where `in %` asks for it."""
    name, listed = what.split(": ", 1)
    listed, _, condition = listed.partition(" if ")
    rows = read_table(Path(name))
    rows = rows.query(condition, engine="python") if condition else rows
    columns = [COLUMN.fullmatch(column.strip()) for column in listed.split(",")]
    found = [column for column in columns if column and column["name"] in rows]
    if len(found) < len(columns):
        raise BenchmarkError(f"{name}: of {listed} not every column is there; it has {', '.join(rows)}")
    lines = [[column["head"] or column["name"] for column in found], ["---" for _ in found]]
    lines += [[_cell(row[column["name"]], column["unit"]) for column in found] for _, row in rows.iterrows()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any, unit: str | None) -> str:
    if pd.isna(value):
        return ""
    if unit:
        return f"{100 * value:.1f} {unit}"
    return f"{value:g}" if isinstance(value, float) else str(value)


@_block
def competence(name: str) -> str:
    """Accuracy in percent of an embedded model, by family, split and number of shots."""
    from benchmark.models.competence import as_markdown

    return as_markdown(read_table(Path(name))) + "\n"


@_block
def replication(profiles: str) -> str:
    """The replication report on the profiles whose params.yaml are named."""
    from benchmark.prose.replication import report

    return report([Path(name) for name in profiles.split()])
