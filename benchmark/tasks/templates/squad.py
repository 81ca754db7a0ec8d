"""SQuAD (Rajpurkar et al. 2016): a question about a paragraph, answered in the paragraph's words.

The format is that of lm-evaluation-harness for SQuAD 2. The metric is F1; `metric: squad_em` asks for exact match.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.example import Example
from benchmark.tasks.template import template


@template(
    kind="generative",
    metric="squad_f1",
    columns=("title", "context", "question", "answers"),
    typical=(870, 20),
    max_new_tokens=32,
)
def squad(row: Mapping[str, Any]) -> Example | None:
    references = tuple(dict.fromkeys(text.strip() for text in row["answers"]["text"] if text.strip()))
    if not references:
        return None
    parts = [f"Title: {(row['title'] or '').strip()}", f"Question: {row['question'].strip()}", "Answer:"]
    if row["context"] and row["context"].strip():
        parts.insert(1, f"Background: {row['context'].strip()}")
    return Example("\n\n".join(parts), f" {references[0]}", references=references)
