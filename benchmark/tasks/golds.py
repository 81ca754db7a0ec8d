"""Does the gold answer of an example score 1 against itself, as a model would have to write it?

A gold answer that its own stop, limit or metric does not accept makes every model wrong, whatever it writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmark.errors import BenchmarkError
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example
from benchmark.tasks.metrics import get_metric


@dataclass(frozen=True, slots=True)
class Unscorable:
    """An example whose gold answer is not accepted, and why."""

    example: Example
    reason: str


def unscorable(dataset: Dataset, count_tokens: Callable[[Example], int] | None = None) -> list[Unscorable]:
    """The candidates and queries whose gold answer does not score 1.

    `count_tokens` gives the tokens of a target; without it, a target's words are counted, of which each takes a token
    or more.
    """
    score = get_metric(dataset.metric)
    found = []
    for example in (*dataset.pool, *dataset.queries):
        reason = _too_long(dataset, example, count_tokens)
        if reason is None:
            stopped = dataset.kind == "generative" and bool(dataset.stop)
            written = example.target.split(dataset.stop)[0] if stopped else example.target
            reached = score(written, example)
            reason = None if reached == 1 else f"{dataset.metric} gives {reached:.3g} for {written.strip()!r:.60}"
        if reason is not None:
            found.append(Unscorable(example, reason))
    return found


def _too_long(dataset: Dataset, example: Example, count_tokens: Callable[[Example], int] | None) -> str | None:
    """That generation would end before the target does, if it would."""
    if dataset.kind != "generative":
        return None
    size, unit = (count_tokens(example), "tokens") if count_tokens else (len(example.target.split()), "words")
    if size > dataset.max_new_tokens:
        return f"it has {size} {unit}, and max_new_tokens is {dataset.max_new_tokens}"
    return None


def require_scorable(dataset: Dataset, allowed: int, place: Callable[[Example], str]) -> int:
    """How many gold answers do not score 1; raises `BenchmarkError` where these are more than `allowed`.

    `place` says where an example stands, for the message.
    """
    found = unscorable(dataset)
    if len(found) > allowed:
        first = found[0]
        text = " ".join(first.example.target.split())
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        stop = f", stop {dataset.stop!r}" if dataset.kind == "generative" else ""
        raise BenchmarkError(
            f"dataset {dataset.name}: the gold answers of {len(found)} of {len(dataset.pool) + len(dataset.queries)} "
            f"rows do not score 1 against themselves; the first is {shown!r} of {place(first.example)}: {first.reason} "
            f"(metric {dataset.metric}{stop}): change metric, stop or max_new_tokens, correct the rows, or set "
            f"`allow_unscorable: {len(found)}`"
        )
    return len(found)
