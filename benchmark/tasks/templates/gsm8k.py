"""GSM8K (Cobbe et al. 2021): a word problem; the answer is a rationale that ends in `#### number`.

The format is that of lm-evaluation-harness, the calculator's `<<48/2=24>>` included: the text is scored as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import Example
from benchmark.tasks.template import template

FINAL = re.compile(r"####\s*(-?[\d,]*\.?\d+)")


@template(
    kind="generative",
    metric="numeric_match",
    columns=("question", "answer"),
    typical=(250, 290),
    stop="Question:",
    max_new_tokens=256,
)
def gsm8k(row: Mapping[str, Any]) -> Example | None:
    answer = (row["answer"] or "").strip()
    if not answer:
        return None
    final = FINAL.search(answer)
    if final is None:
        raise BenchmarkError(f"its answer has no number after '####': {answer[-40:]!r}")
    return Example(
        f"Question: {row['question'].strip()}\nAnswer:", f" {answer}", references=(final[1].replace(",", ""),)
    )
