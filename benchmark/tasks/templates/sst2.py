"""SST-2 (Socher et al. 2013): is a sentence positive or negative? The format is that of lm-evaluation-harness."""

from __future__ import annotations

from benchmark.tasks.example import Example
from benchmark.tasks.template import class_number, template
from benchmark.tasks.values import Row, text

CHOICES = (" negative", " positive")


@template(kind="classification", metric="accuracy", columns=("sentence", "label"), typical=(110, 9))
def sst2(row: Row) -> Example | None:
    number = class_number(row, "label", len(CHOICES))
    if number is None:
        return None
    return Example(
        f"{text(row, 'sentence').strip()}\nQuestion: Is this sentence positive or negative?\nAnswer:",
        CHOICES[number],
        choices=CHOICES,
        label=CHOICES[number].strip(),
    )
