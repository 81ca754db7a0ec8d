"""BoolQ (Clark et al. 2019): a yes/no question about a passage. The format is that of lm-evaluation-harness."""

from __future__ import annotations

from benchmark.tasks.example import Example
from benchmark.tasks.template import class_number, template
from benchmark.tasks.values import Row, is_missing, spell, text

CHOICES = (" no", " yes")
TRUTH = {"false": 0, "no": 0, "true": 1, "yes": 1}


@template(kind="classification", metric="accuracy", columns=("question", "passage", "answer"), typical=(650, 4))
def boolq(row: Row) -> Example | None:
    answer = row["answer"]
    if not is_missing(answer) and spell(answer).strip().lower() in TRUTH:
        answer = TRUTH[spell(answer).strip().lower()]
    number = class_number(dict(row) | {"answer": answer}, "answer", len(CHOICES))
    if number is None:
        return None
    passage = "" if is_missing(row["passage"]) else f"{text(row, 'passage').strip()}\n"
    return Example(
        f"{passage}Question: {text(row, 'question').strip().removesuffix('?')}?\nAnswer:",
        CHOICES[number],
        choices=CHOICES,
        label=CHOICES[number].strip(),
    )
