"""BoolQ (Clark et al. 2019): a yes/no question about a passage. The format is that of lm-evaluation-harness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.example import Example
from benchmark.tasks.template import choice, template

CHOICES = (" no", " yes")


@template(kind="classification", metric="accuracy", columns=("question", "passage", "answer"), typical=(650, 4))
def boolq(row: Mapping[str, Any]) -> Example | None:
    if row["answer"] is None or row["answer"] == -1:
        return None
    answer = choice(row["answer"], (0, 1))
    passage = f"{row['passage'].strip()}\n" if row["passage"] and row["passage"].strip() else ""
    return Example(
        f"{passage}Question: {row['question'].strip().removesuffix('?')}?\nAnswer:",
        CHOICES[answer],
        choices=CHOICES,
        label=CHOICES[answer].strip(),
    )
