"""AG News (Zhang et al. 2015): the topic of a news item, one of four. The format is ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.example import Example
from benchmark.tasks.template import choice, template

CHOICES = (" World", " Sports", " Business", " Technology")


@template(kind="classification", metric="accuracy", columns=("text", "label"), typical=(240, 8))
def ag_news(row: Mapping[str, Any]) -> Example | None:
    if row["label"] is None or row["label"] == -1:
        return None
    target = CHOICES[choice(row["label"], range(len(CHOICES)))]
    return Example(f"Article: {row['text'].strip()}\nTopic:", target, choices=CHOICES, label=target.strip())
