"""NQ-Open (Lee et al. 2019; Kwiatkowski et al. 2019): a question without a passage; any of its answers counts.

Exact match after normalisation, as is usual for it; `metric: squad_em` asks for SQuAD's
own rule. The format is that of lm-evaluation-harness.
"""

from __future__ import annotations

from benchmark.tasks.example import Example
from benchmark.tasks.template import template
from benchmark.tasks.values import Row, answers, text


@template(
    kind="generative",
    metric="answer_match",
    columns=("question", "answer"),
    typical=(58, 15),
    separator="\n\n",
    max_new_tokens=32,
)
def nq_open(row: Row) -> Example | None:
    references = tuple(dict.fromkeys(answers(row["answer"], "answer")))
    if not references:
        return None
    question = text(row, "question").strip().removesuffix("?")
    return Example(f"Q: {question}?\nA:", f" {references[0]}", references=references)
