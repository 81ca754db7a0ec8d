"""Equality character by character, but for surrounding space."""

from __future__ import annotations

from benchmark.tasks.example import Example
from benchmark.tasks.metric import best, metric


@metric
def accuracy(prediction: str, example: Example) -> float:
    """1 where the prediction is the target, which is the gold choice of a classification task."""
    return float(prediction.strip() == example.target.strip())


@metric
def exact_match(prediction: str, example: Example) -> float:
    """1 where the prediction is a reference, character by character."""
    return best(lambda text, reference: float(text.strip() == reference.strip()), prediction, example)
