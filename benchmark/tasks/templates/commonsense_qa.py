"""CommonsenseQA (Talmor et al. 2019): five choices are listed, and the letter is the answer.

The format is that of lm-evaluation-harness.
"""

from __future__ import annotations

from benchmark.tasks.example import Example
from benchmark.tasks.template import lettered, require_choices, template
from benchmark.tasks.values import Row, text


@template(kind="classification", metric="accuracy", columns=("question", "choices", "answerKey"), typical=(160, 2))
def commonsense_qa(row: Row) -> Example | None:
    answer = lettered(row)
    if answer is None:
        return None
    texts, letters, gold = answer
    require_choices(letters)
    offered = "".join(f"{letter}. {choice}\n" for letter, choice in zip(letters, texts, strict=True))
    choices = tuple(f" {letter}" for letter in letters)
    return Example(f"Question: {text(row, 'question').strip()}\n{offered}Answer:", choices[gold], choices=choices)
