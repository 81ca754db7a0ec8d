"""CNN/DailyMail (Hermann et al. 2015; See et al. 2017): an article and its highlights. The format is ours."""

from __future__ import annotations

from benchmark.tasks.example import Example
from benchmark.tasks.template import template
from benchmark.tasks.values import Row, is_missing, text


@template(
    kind="generative",
    metric="rouge_l",
    columns=("article", "highlights"),
    typical=(4000, 290),
    max_new_tokens=128,
)
def cnn_dailymail(row: Row) -> Example | None:
    if is_missing(row["highlights"]) or is_missing(row["article"]):
        return None
    summary = " ".join(text(row, "highlights").split())
    return Example(f"Article: {text(row, 'article').strip()}\n\nSummary:", f" {summary}", references=(summary,))
