"""Any question with listed choices: columns `question`, `choices` (a list of texts), `answer` (position or text).

In a CSV file a list is written as JSON: ["red", "blue"].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import Example
from benchmark.tasks.template import choice, template


@template(kind="classification", metric="accuracy", columns=("question", "choices", "answer"), typical=(150, 15))
def multiple_choice(row: Mapping[str, Any]) -> Example | None:
    answer, listed = row["answer"], row["choices"]
    if answer is None or answer in ("", -1):
        return None
    if not isinstance(listed, list):
        raise BenchmarkError(f"its choices are no list, but {listed!r}: write them as a list, in a CSV as JSON")
    texts = [str(text).strip() for text in listed]
    position = choice(answer, range(len(texts)) if isinstance(answer, int) else texts)
    if isinstance(answer, int) and str(answer) in texts and texts[position] != str(answer):
        raise BenchmarkError(f"its answer {answer} is a position, and also a choice: write the answers as texts")
    choices = tuple(f" {text}" for text in texts)
    return Example(f"Question: {row['question'].strip()}\nAnswer:", choices[position], choices=choices)
