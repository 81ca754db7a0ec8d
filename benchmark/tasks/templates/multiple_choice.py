"""Any question with listed choices: columns `question`, `choices` (a list of texts), `answer` (position or text).

In a CSV file a list is written as JSON: ["red", "blue"]. A number is a position
(from 0) unless it is one of the choices; one in quotes, too.
"""

from __future__ import annotations

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import Example
from benchmark.tasks.template import choice, require_choices, template
from benchmark.tasks.values import Row, Written, is_missing, listed, text, whole_number


@template(kind="classification", metric="accuracy", columns=("question", "choices", "answer"), typical=(150, 15))
def multiple_choice(row: Row) -> Example | None:
    offered = row["choices"]
    if not isinstance(offered, list):
        raise BenchmarkError(f"column 'choices' is not a list, but {offered!r}: write it as a list, in a CSV as JSON")
    texts = [item.strip() for item in listed(offered, "choices")]
    require_choices(texts)
    if is_missing(row["answer"]):
        return None
    position = _position(row, texts)
    if position is None:
        return None
    choices = tuple(f" {item}" for item in texts)
    return Example(f"Question: {text(row, 'question').strip()}\nAnswer:", choices[position], choices=choices)


def _position(row: Row, texts: list[str]) -> int | None:
    """Where the answer stands: it is one of the texts, else a position from 0; None for -1, which is unlabelled."""
    answer, written = row["answer"], text(row, "answer").strip()
    number = whole_number(answer)
    a_text = isinstance(answer, str) and not isinstance(answer, Written)
    if number is None or (a_text and written in texts):
        return choice(written, texts)
    same = [place for place, item in enumerate(texts) if whole_number(item) == number]
    if len(same) > 1 or (same and same != [number] and 0 <= number < len(texts)):
        raise BenchmarkError(f"its answer {number} is a position, and also a choice: write the answers as texts")
    if same:
        return same[0]
    if number == -1:
        return None
    if not 0 <= number < len(texts):
        raise BenchmarkError(f"the label {number} is outside the choices: positions are 0 to {len(texts) - 1}")
    return number
