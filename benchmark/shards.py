"""Long work in shards that survive a kill.

    arrays = compute_shards(count, size, compute, folder, key, label)

Shard k is `compute(range(k * size, ...))`, a pure function of that range and of what `key` names: the parameters, the
inputs and the code. A finished shard is a file under `folder/<digest of key>/`; a second run takes it from there, so
a kill at any moment costs one shard at most, and a changed key never meets a stale one. What memory that ran out has
left of the token budget is kept with each shard: the shards behind an interruption are computed in the same batches.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_json
from benchmark.progress import progress_bar
from benchmark.storage import read_arrays, write_arrays

Arrays = dict[str, NDArray[Any]]
LEFT = "token_budget"
log = logging.getLogger(__name__)


class Tokens(Protocol):
    """A token budget, `benchmark.models.budget.Budget`: what is left of it."""

    tokens: int


def compute_shards(
    count: int,
    size: int,
    compute: Callable[[range], Arrays],
    folder: Path,
    key: Mapping[str, Any],
    label: str,
    budget: Tokens | None = None,
) -> list[Arrays]:
    """The arrays of every shard of `range(count)`, in order, computed now or by an earlier run that was interrupted.

    `budget` is the one that `compute` takes its batches from.
    """
    folder = folder / sha256_json(dict(key))[:32]
    ranges = [range(start, min(start + size, count)) for start in range(0, count, size)]
    results: list[Arrays] = []
    with progress_bar(count, label, "candidate", smoothing=0.1) as progress:
        resumed = 0
        for part in ranges:
            path = folder / f"{part.start:08d}-{part.stop:08d}.npz"
            arrays = _finished(path)
            if arrays is None:
                arrays = compute(part)
                write_arrays(path, **arrays, **({LEFT: np.array(budget.tokens)} if budget else {}))
                progress.update(len(part))
            else:
                if budget:
                    budget.tokens = min(budget.tokens, int(arrays.pop(LEFT)))
                resumed += len(part)
                progress.initial = resumed
                progress.update(len(part))
                progress.set_postfix(resumed=resumed)
            results.append(arrays)
    if resumed:
        log.warning("%s: resumed %d of %d from an interrupted run", label, resumed, count)
    return results


def _finished(path: Path) -> Arrays | None:
    if not path.exists():
        return None
    try:
        return read_arrays(path)
    except BenchmarkError:  # only a disk that lost a renamed file's blocks gets here: compute it again
        path.unlink()
        return None


def discard(folder: Path, key: Mapping[str, Any]) -> None:
    """Removes the shards of `key`, once what was assembled from them stands."""
    shutil.rmtree(folder / sha256_json(dict(key))[:32], ignore_errors=True)


def concatenate(shards: list[Arrays], along_candidates: Iterable[str]) -> Arrays:
    """One set of arrays from shards: those named are joined along axis 0, the others must agree and are kept once."""
    joined = set(along_candidates)
    return {
        name: np.concatenate([shard[name] for shard in shards]) if name in joined else shards[0][name]
        for name in shards[0]
    }
