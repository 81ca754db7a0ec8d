"""GSM8K (Cobbe et al. 2021): a word problem; the answer is a rationale that ends in `#### number`.

The format is that of lm-evaluation-harness, the calculator's `<<48/2=24>>` included: the text is scored as it is.
"""

from __future__ import annotations

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import Example
from benchmark.tasks.numbers import parse_number
from benchmark.tasks.template import template
from benchmark.tasks.values import Row, is_missing, text


@template(
    kind="generative",
    metric="numeric_match",
    columns=("question", "answer"),
    typical=(250, 290),
    stop="Question:",
    max_new_tokens=256,
)
def gsm8k(row: Row) -> Example | None:
    if is_missing(row["answer"]):
        return None
    answer = text(row, "answer").strip()
    _, marked, final = answer.rpartition("####")
    if not marked or parse_number(final) is None:
        raise BenchmarkError(f"its answer has no number after '####': {answer[-40:]!r}")
    return Example(
        f"Question: {text(row, 'question').strip()}\nAnswer:",
        f" {answer}",
        references=(final.strip().replace(",", ""),),
    )
