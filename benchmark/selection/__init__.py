"""Selectors and what they choose.

    create(pool)                   every selector that the pool allows, in a fixed order
    selector(pool, k, generator)   indices of k candidates, in prompt order
    evaluate(...)                  the rows of selection.csv

A selector family is one file: decorate a function that makes its selectors with `@register(name)`, import the file
below, and `tests/selection/test_contract.py` holds it to what every selector must keep.
"""

from benchmark.selection import activation, diversity, oracle, random, similarity, uncertainty
from benchmark.selection.evaluation import COLUMNS, evaluate, halves
from benchmark.selection.selector import Pool, Selector, UndefinedError, create, describe, names

__all__ = [
    "COLUMNS",
    "Pool",
    "Selector",
    "UndefinedError",
    "activation",
    "create",
    "describe",
    "diversity",
    "evaluate",
    "halves",
    "names",
    "oracle",
    "random",
    "similarity",
    "uncertainty",
]
