"""AG News (Zhang et al. 2015): the topic of a news item, one of four. The format is ours."""

from __future__ import annotations

from benchmark.tasks.example import Example
from benchmark.tasks.template import class_number, template
from benchmark.tasks.values import Row, text

CHOICES = (" World", " Sports", " Business", " Technology")


@template(kind="classification", metric="accuracy", columns=("text", "label"), typical=(240, 8))
def ag_news(row: Row) -> Example | None:
    number = class_number(row, "label", len(CHOICES))
    if number is None:
        return None
    target = CHOICES[number]
    return Example(f"Article: {text(row, 'text').strip()}\nTopic:", target, choices=CHOICES, label=target.strip())
