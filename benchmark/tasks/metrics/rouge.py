"""ROUGE-L, by the rouge-score package."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from benchmark.tasks.example import Example
from benchmark.tasks.metric import best, metric

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer


@cache
def _rouge() -> RougeScorer:
    from rouge_score.rouge_scorer import RougeScorer  # brings a large library along, which no other metric needs

    return RougeScorer(["rougeL"], use_stemmer=True)


@metric
def rouge_l(prediction: str, example: Example) -> float:
    """The F-measure of ROUGE-L with stemming (Lin 2004). It sees the letters a to z and digits, and nothing else."""
    return best(lambda text, ref: float(_rouge().score(ref, text)["rougeL"].fmeasure), prediction, example)
