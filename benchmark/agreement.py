"""Do two runs agree? Compares two folders of results.

    python -m benchmark.agreement results other/results                     to the byte
    python -m benchmark.agreement results other/results --tolerance 0.01    numbers within it; reports the largest

What depends on the clock is left out: the measured times, and the provenance that records them. With a tolerance, what
follows from the compared numbers counts for what it is worth:

- a p-value, the n it would take, and the interval of a mean over few pools move up to `STEEP` times as fast as a
  correlation;
- counts are shares of their sum; the number of distinct scores counts in its own size;
- where one near tie or one flipped prediction decides an entry (`FLIPPING`: which example was chosen, and how good it
  was), the size is the share of entries that differ by more than the tolerance;
- what a limit decides (`DECIDED`: whether a pool is sensitive, and why not) is left out, for the number that it decides
  by is compared. Verdicts are no such thing, and must be the same.

Integers must be equal, and of a text the words. Digests, the page and the figures are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmark.artefacts.difference import Difference, differences, sizes_of
from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, read_json, read_table

CLOCK = ("timing.json", "timing_history.csv", "provenance.json")
READERS = {".csv": read_table, ".json": read_json, ".npz": read_arrays}
STEEP = 16.0
"""How much faster than a correlation these move: near rho = 0, dp / d rho is sqrt(2 n / pi), 16 at n = 400; an end of
the interval of a mean over pools moves 6 times as fast as one of two correlations.
"""
STEEPER = re.compile(r"(.*\.)?(p(_[^.]*)?|n_needed[^.]*)|consistency\.csv\.ci_(low|high)")
COUNTS = ("null_max", "null_cell", "observed", "n_needed")  # of null.csv, power.csv and reliability.csv
SIZES = ("n_distinct",)
FLIPPING = ("selection.csv", "learning.csv", "learning_areas.csv", "performance")
"""Tables, and the array [candidate, query] of 0 and 1."""
DECIDED = {
    *("equivalent", "n_equivalent", "shown", "sensitive", "insensitive", "sensitive_pools", "sensitivity"),
    *("sign_agreement", "reason", "note"),
}
NUMBER = re.compile(r"-?\d+(,\d{3})*(\.\d+)?")


@dataclass(frozen=True)
class Agreement:
    """What two folders differ in: `files` whose bytes do, and what of their numbers and words lies `beyond` the
    tolerance; `largest` of what lies within it.
    """

    files: list[str]
    beyond: list[Difference]
    largest: Difference | None


def describe(difference: Difference) -> str:
    """One line: where, and what stands there."""
    at = f" at {', '.join(map(str, difference.index))}" if difference.index else ""
    by = f", {difference.size:.3g} apart" if np.isfinite(difference.size) else ""
    return f"{difference.where}{at}: {difference.one} and {difference.other}{by}"


def compare(one: Path, other: Path, tolerance: float) -> Agreement:
    """Compares two folders; `tolerance` is absolute up to 1 and relative beyond."""
    found = sorted(numerically(one, other, tolerance), key=lambda difference: -difference.size)
    beyond = [difference for difference in found if difference.size > tolerance]
    within = [difference for difference in found if difference.size <= tolerance]
    return Agreement(bytewise(one, other), beyond, within[0] if within else None)


def bytewise(one: Path, other: Path) -> list[str]:
    """Names of the files whose bytes differ, and of those that one folder lacks."""
    return [
        name
        for name in _names(one, other)
        if not ((one / name).is_file() and (other / name).is_file())
        or (one / name).read_bytes() != (other / name).read_bytes()
    ]


def numerically(one: Path, other: Path, tolerance: float) -> Iterator[Difference]:
    """What differs in tables, arrays and JSON, however little; sizes as the module says."""
    for name in _names(one, other):
        read = READERS.get(Path(name).suffix)
        if read is None:
            continue
        if not ((one / name).is_file() and (other / name).is_file()):
            there = ["a file" if (folder / name).is_file() else "no file" for folder in (one, other)]
            yield Difference(name, there[0], there[1])
            continue
        left, right = (_comparable(read(folder / name)) for folder in (one, other))
        yield from _flipped(left, right, name, tolerance)
        for found in differences(left, right, name):
            keys = found.where.split(".")
            if "digests" not in keys:
                yield replace(found, size=found.size / _steepness(found.where))


def _flipped(left: Any, right: Any, where: str, tolerance: float) -> Iterator[Difference]:
    """Takes what `FLIPPING` names out of two tables or sets of arrays, and yields the share of entries that differ."""
    names = left.keys() & right.keys() if isinstance(left, dict) and isinstance(right, dict) else ()
    for name in sorted(names):
        one, other = left[name], right[name]
        if {Path(where).name, name}.isdisjoint(FLIPPING) or not isinstance(one, np.ndarray) or one.shape != other.shape:
            continue
        del left[name], right[name]
        count = int((sizes_of(one, other) > tolerance * _steepness(f"{where}.{name}")).sum())
        if count:
            yield Difference(f"{where}.{name}", "all", f"all but {count} of {one.size} entries", count / one.size)


def _steepness(where: str) -> float:
    return STEEP if STEEPER.fullmatch(where) else 1.0


def _comparable(value: Any, key: str = "") -> Any:
    """`value` with counts as shares of their sum, and texts without their numbers; without what a limit decides."""
    if hasattr(value, "columns"):
        value = {column: value[column].to_numpy() for column in value}
    if isinstance(value, dict):
        return {name: _comparable(inner, str(name)) for name, inner in value.items() if name not in DECIDED}
    if isinstance(value, list):
        return [_comparable(inner) for inner in value]
    if key in COUNTS and isinstance(value, np.ndarray):
        return value / np.nansum(value)
    if key in SIZES and isinstance(value, np.ndarray):
        return value.astype(np.float64)
    if key in (*COUNTS, *SIZES) and isinstance(value, int):
        return float(value)
    return NUMBER.sub("#", value) if isinstance(value, str) else value


def _names(*folders: Path) -> list[str]:
    files = ((folder, path) for folder in folders for path in folder.rglob("*") if path.is_file())
    return sorted({path.relative_to(folder).as_posix() for folder, path in files if path.name not in CLOCK})


@click.command()
@click.argument("one", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("other", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--tolerance", type=click.FloatRange(min=0), help="Absolute up to 1, relative beyond; without: bytes.")
def main(one: Path, other: Path, tolerance: float | None) -> None:
    """Compare the results in ONE with those in OTHER."""
    try:
        if tolerance is None:
            lines = [f"{name} differs in its bytes, or is in one folder only" for name in bytewise(one, other)]
            largest = None
        else:
            found = compare(one, other, tolerance)
            lines, largest = list(map(describe, found.beyond)), found.largest
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None
    for line in lines:
        click.echo(line)
    if lines:
        raise SystemExit(1)
    click.echo(
        "the results agree"
        + ("" if tolerance is None else f" within {tolerance:g}")
        + (f"; the largest difference: {describe(largest)}" if largest else "")
    )


if __name__ == "__main__":
    main()
