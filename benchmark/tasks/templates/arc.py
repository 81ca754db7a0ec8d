"""ARC (Clark et al. 2018): science questions with three to five choices, each scored by its full text.

The format is that of lm-evaluation-harness.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.example import Example
from benchmark.tasks.template import lettered, template


@template(kind="classification", metric="accuracy", columns=("question", "choices", "answerKey"), typical=(150, 28))
def arc(row: Mapping[str, Any]) -> Example | None:
    answer = lettered(row)
    if answer is None:
        return None
    choices = tuple(f" {text.strip()}" for text in answer[0])
    return Example(f"Question: {row['question'].strip()}\nAnswer:", choices[answer[1]], choices=choices)
