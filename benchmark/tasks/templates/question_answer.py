"""Any question with a text as its answer: columns `question`, `answer` (a text, a number, or a list of them)."""

from __future__ import annotations

from benchmark.tasks.example import Example
from benchmark.tasks.template import template
from benchmark.tasks.values import Row, answers, text


@template(
    kind="generative", metric="answer_match", columns=("question", "answer"), typical=(100, 20), max_new_tokens=32
)
def question_answer(row: Row) -> Example | None:
    references = tuple(dict.fromkeys(answers(row["answer"], "answer")))
    if not references:
        return None
    return Example(f"Question: {text(row, 'question').strip()}\nAnswer:", f" {references[0]}", references=references)
