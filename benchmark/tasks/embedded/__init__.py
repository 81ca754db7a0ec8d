"""Embedded tasks: families of synthetic tasks in a small vocabulary, made from seeds.

    build_dataset("topic_a", "topic", seed=1) -> Dataset

One file a family, found by itself. The models are trained on all of them: a new one means training again.
"""

from benchmark.discovery import import_all
from benchmark.tasks.embedded.building import build_dataset
from benchmark.tasks.embedded.family import FAMILIES, get_family

import_all(__name__, __path__)

__all__ = ["FAMILIES", "build_dataset", "get_family"]
