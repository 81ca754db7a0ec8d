"""Equality of numbers, exactly."""

from __future__ import annotations

from benchmark.tasks.example import Example
from benchmark.tasks.metric import best, metric
from benchmark.tasks.numbers import last_number


@metric
def numeric_match(prediction: str, example: Example) -> float:
    """1 where the last number of the prediction is a reference's (the answer of GSM8K stands last).

    `benchmark.tasks.numbers` says what a number is.
    """

    def same(text: str, reference: str) -> float:
        number = last_number(text)
        return float(number is not None and number == last_number(reference))

    return best(same, prediction, example)
