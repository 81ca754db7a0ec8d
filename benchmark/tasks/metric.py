"""What a metric is, and the registry of metrics: how good is a prediction for an example, in [0, 1].

    METRICS["squad_f1"](prediction, example) -> float

A prediction is text as a model wrote it; surrounding space never counts. Generative metrics take the best over the
example's references.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmark.errors import unknown
from benchmark.tasks.example import Example

Metric = Callable[[str, Example], float]
METRICS: dict[str, Metric] = {}


def metric(score: Metric) -> Metric:
    """Registers the decorated function as the metric of its name."""
    METRICS[score.__name__] = score
    return score


def get_metric(name: str) -> Metric:
    """The metric of that name; raises `BenchmarkError` for an unknown one."""
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]


def best(score: Callable[[str, str], float], prediction: str, example: Example) -> float:
    """The best score over the references; the target stands in where an example has none."""
    return max(score(prediction, reference) for reference in example.references or (example.target,))
