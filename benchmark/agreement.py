"""Do two runs agree? Compares two folders of results.

    python -m benchmark.agreement results other/results                        to the byte
    python -m benchmark.agreement results other/results --tolerance 0.002      tables, arrays and numbers within it

What depends on the clock is left out: the measured times, and the provenance that records them. With a tolerance the
page and the figures are left out, too: they draw what is compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, read_json, read_table

CLOCK = ("timing.json", "timing_history.csv", "provenance.json")
READERS = {".csv": read_table, ".json": read_json, ".npz": read_arrays}


def differences(one: Path, other: Path, tolerance: float | None = None) -> Iterator[str]:
    """Yields what differs between the folders, a line each; `tolerance` is absolute, None compares bytes."""
    names = {
        path.relative_to(folder).as_posix()
        for folder in (one, other)
        for path in folder.rglob("*")
        if path.is_file() and path.name not in CLOCK and (tolerance is None or path.suffix in READERS)
    }
    for name in sorted(names):
        if not (one / name).is_file() or not (other / name).is_file():
            yield f"{name} is in {one if (one / name).is_file() else other} only"
        elif tolerance is None:
            if (one / name).read_bytes() != (other / name).read_bytes():
                yield f"{name} differs in its bytes"
        else:
            read = READERS[Path(name).suffix]
            yield from _unequal(name, read(one / name), read(other / name), tolerance)


def _unequal(name: str, one: Any, other: Any, tolerance: float) -> Iterator[str]:
    if isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame):
        one, other = ({column: frame[column].to_numpy() for column in frame} for frame in (one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            yield f"{name}: {', '.join(sorted(map(str, one.keys() ^ other.keys())))} on one side only"
        for key in one.keys() & other.keys():
            yield from _unequal(f"{name}: {key}", one[key], other[key], tolerance)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _unequal(f"{name}[{index}]", left, right, tolerance)
    elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.shape == other.shape:
        if one.dtype.kind in "fiu" and other.dtype.kind in "fiu":
            if not np.allclose(one, other, rtol=0, atol=tolerance, equal_nan=True):
                worst = np.nanmax(np.abs(one.astype(float) - other.astype(float)))
                yield f"{name}: numbers differ by up to {worst:.3g}"
        elif not (pd.Series(one).equals(pd.Series(other)) if one.ndim == 1 else np.array_equal(one, other)):
            yield f"{name}: values differ"
    elif isinstance(one, float) and isinstance(other, float):
        if not math.isclose(one, other, rel_tol=0, abs_tol=tolerance):
            yield f"{name}: {one} and {other}"
    elif not (type(one) is type(other) and one == other):
        yield f"{name}: {one!r} and {other!r}"


@click.command()
@click.argument("one", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("other", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--tolerance", type=click.FloatRange(min=0), help="Absolute; without it, bytes are compared.")
def main(one: Path, other: Path, tolerance: float | None) -> None:
    """Compare the results in ONE with those in OTHER."""
    try:
        found = list(differences(one, other, tolerance))
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None
    for line in found:
        click.echo(line)
    if found:
        raise SystemExit(1)
    click.echo("the results agree" + ("" if tolerance is None else f" within {tolerance:g}"))


if __name__ == "__main__":
    main()
