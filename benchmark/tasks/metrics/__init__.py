"""Metrics, found by themselves: `get_metric("squad_f1")(prediction, example)` is in [0, 1]."""

from benchmark.discovery import import_all
from benchmark.tasks.metric import METRICS, Metric, get_metric

import_all(__name__, __path__)

__all__ = ["METRICS", "Metric", "get_metric"]
