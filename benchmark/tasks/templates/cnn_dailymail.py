"""CNN/DailyMail (Hermann et al. 2015; See et al. 2017): an article and its highlights. The format is ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.tasks.example import Example
from benchmark.tasks.template import template


@template(
    kind="generative",
    metric="rouge_l",
    columns=("article", "highlights"),
    typical=(4000, 290),
    max_new_tokens=128,
)
def cnn_dailymail(row: Mapping[str, Any]) -> Example | None:
    summary = " ".join((row["highlights"] or "").split())
    if not summary or not (row["article"] or "").strip():
        return None
    return Example(f"Article: {row['article'].strip()}\n\nSummary:", f" {summary}", references=(summary,))
