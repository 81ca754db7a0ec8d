"""Any question with listed choices: columns `question`, `choices` (a list of texts), `answer` (position or text)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.hub.template import Rendered, choice, template


@template(kind="classification", metric="accuracy", columns=("question", "choices", "answer"), typical=(150, 15))
def multiple_choice(row: Mapping[str, Any]) -> Rendered | None:
    answer, texts = row["answer"], list(row["choices"] or ())
    if answer is None or answer in ("", -1):
        return None
    position = choice(answer, range(len(texts)) if isinstance(answer, int) else texts)
    choices = tuple(f" {text.strip()}" for text in texts)
    return Rendered(f"Question: {row['question'].strip()}\nAnswer:", choices[position], choices=choices)
