"""ARC (Clark et al. 2018): science questions with three to five choices, each scored by its full text.

The format is that of lm-evaluation-harness.
"""

from __future__ import annotations

from benchmark.tasks.example import Example
from benchmark.tasks.template import lettered, require_choices, template
from benchmark.tasks.values import Row, text


@template(kind="classification", metric="accuracy", columns=("question", "choices", "answerKey"), typical=(150, 28))
def arc(row: Row) -> Example | None:
    answer = lettered(row)
    if answer is None:
        return None
    texts, _, gold = answer
    require_choices(texts)
    choices = tuple(f" {choice}" for choice in texts)
    return Example(f"Question: {text(row, 'question').strip()}\nAnswer:", choices[gold], choices=choices)
