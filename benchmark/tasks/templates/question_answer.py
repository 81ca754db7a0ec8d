"""Any question with a text as its answer: columns `question`, `answer` (a text, a number, or a list of them)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.example import Example
from benchmark.tasks.template import template


@template(kind="generative", metric="squad_em", columns=("question", "answer"), typical=(100, 20), max_new_tokens=32)
def question_answer(row: Mapping[str, Any]) -> Example | None:
    answers = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
    texts = (str(answer).strip() for answer in answers if answer is not None)
    references = tuple(dict.fromkeys(text for text in texts if text))
    if not references:
        return None
    return Example(f"Question: {row['question'].strip()}\nAnswer:", f" {references[0]}", references=references)
