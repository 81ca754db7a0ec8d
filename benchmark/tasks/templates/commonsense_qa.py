"""CommonsenseQA (Talmor et al. 2019): five choices are listed, and the letter is the answer.

The format is that of lm-evaluation-harness.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.example import Example
from benchmark.tasks.template import lettered, template


@template(kind="classification", metric="accuracy", columns=("question", "choices", "answerKey"), typical=(160, 2))
def commonsense_qa(row: Mapping[str, Any]) -> Example | None:
    answer = lettered(row)
    if answer is None:
        return None
    letters = row["choices"]["label"]
    listed = "".join(f"{letter}. {text.strip()}\n" for letter, text in zip(letters, answer[0], strict=True))
    choices = tuple(f" {letter}" for letter in letters)
    return Example(f"Question: {row['question'].strip()}\n{listed}Answer:", choices[answer[1]], choices=choices)
