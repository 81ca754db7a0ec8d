"""What stands between `<!-- KIND WHAT -->` and `<!-- end -->` in a document, made from the result files.

    <!-- verdict pretrained/params.yaml -->           what `python -m benchmark verdict` prints
    <!-- table results/calibration.csv: scenario as truth, n, reproduced in % if n > 60 -->
    <!-- table results/gpu/card.json: figures: name, value -->
    <!-- competence data/models/tiny_llama/competence.csv -->
    <!-- findings params.yaml -->                     how many correlations there are, and how strong
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
from benchmark.storage import read_json, read_table

Block = Callable[[str], str]
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
    """Columns of a CSV file or of a list of records in JSON, under other heads and in percent where asked for."""
    name, *path, listed = what.split(": ")
    listed, _, condition = listed.partition(" if ")
    rows = pd.DataFrame(read_json(Path(name))[path[0]]) if path else read_table(Path(name))
    rows = rows.query(condition, engine="python") if condition else rows
    columns = [COLUMN.fullmatch(column.strip()) for column in listed.split(",")]
    found = [column for column in columns if column and column["name"] in rows]
    if len(found) < len(columns):
        raise BenchmarkError(f"{name}: of {listed} not every column is there; it has {', '.join(rows)}")
    lines = [[column["head"] or column["name"] for column in found], ["---" for _ in found]]
    lines += [[_cell(row[column["name"]], column["unit"]) for column in found] for _, row in rows.iterrows()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any, unit: str | None) -> str:
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
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


@_block
def findings(params: str) -> str:
    """The headline family's correlations, as stated, in a few sentences without an interpretation."""
    from benchmark.params import load_params

    results = load_params(Path(params)).results
    claim = read_json(results / "claim.json")
    found = claim["families"][claim["headline"]]["as_stated"]
    rows = read_table(results / "family.csv").query(f"family == {claim['headline']!r} and claim == 'as_stated'")
    rho, bound = rows["rho"].abs(), claim["bound"]
    above, clearly = int((rho > bound).sum()), int((rows["lower_limit"] > bound).sum())
    lines = [
        f"Under the {claim['headline']} masks, {len(rho) - rho.count():,} of {len(rho):,} correlations are undefined.",
        f"Half of the others lie below {rho.median():.2f} in size, and {above:,} above {bound}: {clearly or 'none'} of "
        f"them clearly, with the whole of a joint {100 * (1 - claim['alpha']):.0f} % interval.",
        f"The strongest |rho| is {found['max_abs_rho']:.2f}; chance alone stays below {found['null_quantile_95']:.2f}.",
        f"The verdict is `{found['verdict']}`.",
    ]
    return "\n".join(lines) + "\n"
