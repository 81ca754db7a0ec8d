"""Do two runs agree? Compares two folders of results.

    python -m benchmark.agreement results other/results                     to the byte
    python -m benchmark.agreement results other/results --tolerance 0.01    numbers within it; tells the largest

What depends on the clock is left out: the measured times, and the provenance that records them. With a tolerance, what
follows from the compared numbers counts for what it is worth: a p-value moves as `P_VALUE` times the correlation behind
it, counts are shares of their sum, of a text the words count. Integers must be equal. Digests, the page and the figures
are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, read_json, read_table

CLOCK = ("timing.json", "timing_history.csv", "provenance.json")
READERS = {".csv": read_table, ".json": read_json, ".npz": read_arrays}
P_VALUE = 10.0  # near rho = 0, dp / d rho is sqrt(2 n / pi): 11 at n = 200
COUNTS = ("null_max", "null_cell", "observed", "n_needed")  # of null.csv and power.csv
NUMBER = re.compile(r"-?\d+(\.\d+)?")
Difference = tuple[str, float]  # where and what, and by how much: infinite where it is no number


def differences(one: Path, other: Path, tolerance: float | None = None) -> Iterator[str]:
    """Yields what differs between the folders, a line each; `tolerance` is absolute up to 1, None compares bytes."""
    found = bytewise(one, other) if tolerance is None else numerically(one, other)
    for text, size in found:
        if size > (tolerance or 0):
            yield text


def bytewise(one: Path, other: Path) -> Iterator[Difference]:
    """Files whose bytes differ."""
    for name in _names(one, other):
        if not (one / name).is_file() or not (other / name).is_file():
            yield f"{name} is in {one if (one / name).is_file() else other} only", np.inf
        elif (one / name).read_bytes() != (other / name).read_bytes():
            yield f"{name} differs in its bytes", np.inf


def numerically(one: Path, other: Path) -> Iterator[Difference]:
    """What differs in tables, arrays and JSON, however little."""
    for name in _names(one, other):
        read = READERS.get(Path(name).suffix)
        if read and (one / name).is_file() and (other / name).is_file():
            yield from _unequal(name, read(one / name), read(other / name))
        elif read:
            yield f"{name} is in {one if (one / name).is_file() else other} only", np.inf


def _names(*folders: Path) -> list[str]:
    files = ((folder, path) for folder in folders for path in folder.rglob("*") if path.is_file())
    return sorted({path.relative_to(folder).as_posix() for folder, path in files if path.name not in CLOCK})


def _unequal(name: str, one: Any, other: Any) -> Iterator[Difference]:
    if isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame):
        one, other = ({column: frame[column].to_numpy() for column in frame} for frame in (one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            yield f"{name}: {', '.join(sorted(map(str, one.keys() ^ other.keys())))} on one side only", np.inf
        for key in [key for key in one if key in other and key != "digests"]:  # in order: a set has none
            left, right, weight = one[key], other[key], P_VALUE if str(key).startswith("p_") else 1
            if key in COUNTS:
                left, right = left / np.nansum(left), right / np.nansum(left)
            for text, size in _unequal(f"{name}: {key}", left, right):
                yield text, size / weight
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _unequal(f"{name}[{index}]", left, right)
    elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.shape == other.shape:
        if "f" in one.dtype.kind + other.dtype.kind and {one.dtype.kind, other.dtype.kind} <= set("fiu"):
            if size := _largest(one.astype(np.float64), other.astype(np.float64)):
                yield f"{name}: numbers differ by up to {size:.3g}", size
        elif not (pd.Series(one).equals(pd.Series(other)) if one.ndim == 1 else np.array_equal(one, other)):
            yield f"{name}: values differ", np.inf
    elif isinstance(one, float) and isinstance(other, float):
        if size := _largest(np.array(one), np.array(other)):
            yield f"{name}: {one} and {other}", size
    elif isinstance(one, str) and isinstance(other, str):
        if NUMBER.sub("#", one) != NUMBER.sub("#", other):
            yield f"{name}: {one!r} and {other!r}", np.inf
    elif not (type(one) is type(other) and one == other):
        yield f"{name}: {one!r} and {other!r}", np.inf


def _largest(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The largest difference, of numbers beyond 1 in their own size; infinite where one side alone is no number."""
    if (np.isnan(one) != np.isnan(other)).any():
        return np.inf
    size = np.maximum(1.0, np.maximum(np.abs(one), np.abs(other)))
    return float(np.nan_to_num(np.abs(one - other) / size).max(initial=0.0))


@click.command()
@click.argument("one", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("other", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--tolerance", type=click.FloatRange(min=0), help="Absolute up to 1, relative beyond; without: bytes.")
def main(one: Path, other: Path, tolerance: float | None) -> None:
    """Compare the results in ONE with those in OTHER."""
    try:
        found = list(bytewise(one, other) if tolerance is None else numerically(one, other))
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None
    beyond = [text for text, size in found if size > (tolerance or 0)]
    for text in beyond:
        click.echo(text)
    if beyond:
        raise SystemExit(1)
    largest = max(found, key=lambda difference: difference[1], default=None)
    click.echo(
        "the results agree"
        + ("" if tolerance is None else f" within {tolerance:g}")
        + (f"; the largest difference: {largest[0]}" if largest else "")
    )


if __name__ == "__main__":
    main()
