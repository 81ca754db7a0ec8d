"""NQ-Open (Lee et al. 2019; Kwiatkowski et al. 2019): a question without a passage; any of its answers counts.

Exact match after SQuAD's normalisation, as is usual for it. The format is that of lm-evaluation-harness.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.example import Example
from benchmark.tasks.template import template


@template(
    kind="generative",
    metric="squad_em",
    columns=("question", "answer"),
    typical=(58, 15),
    separator="\n\n",
    max_new_tokens=32,
)
def nq_open(row: Mapping[str, Any]) -> Example | None:
    references = tuple(dict.fromkeys(text.strip() for text in row["answer"] or () if text.strip()))
    if not references:
        return None
    question = row["question"].strip().removesuffix("?")
    return Example(f"Q: {question}?\nA:", f" {references[0]}", references=references)
