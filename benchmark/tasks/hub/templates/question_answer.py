"""Any question with a text as its answer: columns `question`, `answer` (a text, or a list of accepted ones)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.hub.template import Rendered, template


@template(kind="generative", metric="squad_em", columns=("question", "answer"), typical=(100, 20), max_new_tokens=32)
def question_answer(row: Mapping[str, Any]) -> Rendered | None:
    answers = [row["answer"]] if isinstance(row["answer"], str) else list(row["answer"] or ())
    references = tuple(dict.fromkeys(text.strip() for text in answers if text.strip()))
    if not references:
        return None
    return Rendered(f"Question: {row['question'].strip()}\nAnswer:", f" {references[0]}", references=references)
