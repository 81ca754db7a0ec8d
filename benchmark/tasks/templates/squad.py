"""SQuAD (Rajpurkar et al. 2016): a question about a paragraph, answered in the paragraph's words.

The format is that of lm-evaluation-harness for SQuAD 2. The metric is F1; `metric: squad_em` asks for exact match.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import Example
from benchmark.tasks.template import template
from benchmark.tasks.values import Row, answers, is_missing, text


@template(
    kind="generative",
    metric="squad_f1",
    columns=("title", "context", "question", "answers"),
    typical=(870, 20),
    max_new_tokens=32,
)
def squad(row: Row) -> Example | None:
    given = row["answers"]
    if not isinstance(given, Mapping) or "text" not in given:
        raise BenchmarkError(f"column 'answers' does not hold the field 'text': {str(given)[:60]!r}")
    references = tuple(dict.fromkeys(answers(given["text"], "answers.text")))
    if not references:
        return None
    title = "" if is_missing(row["title"]) else text(row, "title").strip()
    parts = [f"Title: {title}", f"Question: {text(row, 'question').strip()}", "Answer:"]
    if not is_missing(row["context"]):
        parts.insert(1, f"Background: {text(row, 'context').strip()}")
    return Example("\n\n".join(parts), f" {references[0]}", references=references)
