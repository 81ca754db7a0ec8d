"""OpenBookQA (Mihaylov et al. 2018): a sentence to be completed by one of four texts.

The format is that of lm-evaluation-harness: nothing stands around the stem.
"""

from __future__ import annotations

from benchmark.tasks.example import Example
from benchmark.tasks.template import lettered, require_choices, template
from benchmark.tasks.values import Row, text


@template(kind="classification", metric="accuracy", columns=("question_stem", "choices", "answerKey"), typical=(60, 20))
def openbookqa(row: Row) -> Example | None:
    answer = lettered(row)
    if answer is None:
        return None
    texts, _, gold = answer
    require_choices(texts)
    choices = tuple(f" {choice}" for choice in texts)
    return Example(text(row, "question_stem").strip(), choices[gold], choices=choices)
