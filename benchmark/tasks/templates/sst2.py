"""SST-2 (Socher et al. 2013): is a sentence positive or negative? The format is that of lm-evaluation-harness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.example import Example
from benchmark.tasks.template import choice, template

CHOICES = (" negative", " positive")


@template(kind="classification", metric="accuracy", columns=("sentence", "label"), typical=(110, 9))
def sst2(row: Mapping[str, Any]) -> Example | None:
    if row["label"] is None or row["label"] == -1:
        return None
    target = CHOICES[choice(row["label"], (0, 1))]
    return Example(
        f"{row['sentence'].strip()}\nQuestion: Is this sentence positive or negative?\nAnswer:",
        target,
        choices=CHOICES,
        label=target.strip(),
    )
