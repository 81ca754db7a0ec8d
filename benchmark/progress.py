"""How far long work has come: done, total, rate and time left, on a terminal and in the log of a batch job."""

from __future__ import annotations

import multiprocessing
import sys
from typing import Any

from tqdm import tqdm

EVERY = 60.0
"""Seconds between two lines where standard error is no terminal; work that ends before the first writes none."""


def progress_bar(total: int, label: str, unit: str, **settings: Any) -> tqdm[None]:
    """A bar of `total` units on standard error, to be used in a `with` block; `settings` are tqdm's.

    A worker process shows none: the stage counts what its workers finish.
    """
    if multiprocessing.parent_process() is not None:
        settings["disable"] = True
    if not sys.stderr.isatty():
        settings |= {"delay": EVERY, "mininterval": EVERY, "maxinterval": 2 * EVERY}
    return tqdm(total=total, desc=label, unit=unit, **settings)
