"""Embedded tasks: families of synthetic tasks in a small vocabulary, made from seeds.

    build_dataset("topic_a", "topic", seed=1) -> Dataset

One file a family; importing this package registers them all. To add one, write its file and import it here.
"""
# ruff: noqa: F401 (imported for their registration)

from benchmark.tasks.embedded import (
    extraction,
    filtering,
    majority,
    negation,
    opinion,
    question,
    sentiment,
    topic,
)
from benchmark.tasks.embedded.building import build_dataset
from benchmark.tasks.embedded.family import FAMILIES, get_family

__all__ = ["FAMILIES", "build_dataset", "get_family"]
