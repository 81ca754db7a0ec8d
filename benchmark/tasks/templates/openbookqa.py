"""OpenBookQA (Mihaylov et al. 2018): a sentence to be completed by one of four texts.

The format is that of lm-evaluation-harness: nothing stands around the stem.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.example import Example
from benchmark.tasks.template import lettered, template


@template(kind="classification", metric="accuracy", columns=("question_stem", "choices", "answerKey"), typical=(60, 20))
def openbookqa(row: Mapping[str, Any]) -> Example | None:
    answer = lettered(row)
    if answer is None:
        return None
    choices = tuple(f" {text.strip()}" for text in answer[0])
    return Example(row["question_stem"].strip(), choices[answer[1]], choices=choices)
