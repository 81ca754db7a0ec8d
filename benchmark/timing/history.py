"""The ratios of every revision that was measured: `results/timing_history.csv`, one row a ratio, revision and machine.

    history = read_history(path)
    write_table(path, extend(history, measure(rounds=15), commit(revision), date))

A revision that is measured again on the same machine replaces its rows. Needs no torch: the page reads it as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.errors import BenchmarkError
from benchmark.storage import read_table

TEXT = ("ratio", "commit", "date", "machine")
NUMBERS = ("median", "low", "high")
EDITED = "+"
"""Behind the commit of a tree whose sources were edited."""


def read_history(path: Path) -> pd.DataFrame:
    """The rows of `path`, oldest first, none where there is no such file. Raises `BenchmarkError` for a damaged one."""
    if not path.exists():
        return pd.DataFrame(columns=[*TEXT, *NUMBERS])
    remedy = f"`git checkout {path}` brings the last good one back; without the file a new history begins"
    try:
        history = read_table(path, [*TEXT, *NUMBERS], text=TEXT)[[*TEXT, *NUMBERS]]
    except BenchmarkError as error:
        raise BenchmarkError(f"{path} is damaged or no history: {remedy}") from error
    numeric = history[[*NUMBERS]].apply(pd.to_numeric, errors="coerce")
    bad = ~np.isfinite(numeric).all(axis=1) | (history[[*TEXT]] == "").any(axis=1)
    if bad.any():
        raise BenchmarkError(f"{path} is damaged in line {int(bad.argmax()) + 2}: {remedy}")
    return history.assign(**{name: numeric[name] for name in NUMBERS})


def extend(history: pd.DataFrame, timing: Mapping[str, Any], commit: str, date: str) -> pd.DataFrame:
    """`history` and then the ratios of a `timing.json`; earlier rows of this commit and machine are dropped."""
    name = machine(timing["machine"])
    rows = [
        {"ratio": ratio, "commit": commit, "date": date, "machine": name, **{key: found[key] for key in NUMBERS}}
        for ratio, found in ratios(timing["ratios"])
    ]
    kept = history[(history["commit"] != commit) | (history["machine"] != name)]
    new = pd.DataFrame(rows)
    return new if kept.empty else pd.concat([kept, new], ignore_index=True)


def ratios(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(dotted name, ratio) of every ratio in nested mappings: of whatever holds a median."""
    for key, value in tree.items():
        if not isinstance(value, Mapping):
            continue
        if isinstance(value.get("median"), int | float):
            yield f"{prefix}{key}", value
        else:
            yield from ratios(value, f"{prefix}{key}.")


def commit(revision: Mapping[str, Any]) -> str:
    """Of `provenance.revision()`: ten digits of the commit, marked where sources were edited; outside git a word."""
    if not revision["revision"]:
        return "unversioned"
    return str(revision["revision"])[:10] + (EDITED if revision["dirty"] else "")


def machine(record: Mapping[str, Any]) -> str:
    """What a ratio depends on, of the `machine` of a timing.json, in one line."""
    threads = f"{record['threads']} thread{'s' if record['threads'] != 1 else ''}"
    if record["device"] != "cpu":
        return ", ".join([*(gpu["name"] for gpu in record["gpus"][:1]), record["device"]])
    return f"{record['cpu']}, {record['cores']} cores, {threads}"
