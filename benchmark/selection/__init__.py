"""Selectors and what they choose; no model runs here.

    pool = build_pool(dataset, scores, matrices, uncertainty, choosing, unlabelled_masks)
    choices = choose(pool, families, shots, seed, draws, n_judging)     every selector's candidates, and random ones
    choices.asked(k)                                                    the sets to score, and for which queries

A selector family is one file in `selectors/`: decorate a function that makes its selectors with `@register(name)`, and
`tests/selection/test_contract.py` holds it to what every selector must keep.
"""

from benchmark.selection import selectors
from benchmark.selection.choices import Choice, Choices, build_pool, choose, halves
from benchmark.selection.pool import Pool, UndefinedError
from benchmark.selection.selector import Selector, create, describe, names

__all__ = [
    "Choice",
    "Choices",
    "Pool",
    "Selector",
    "UndefinedError",
    "build_pool",
    "choose",
    "create",
    "describe",
    "halves",
    "names",
    "selectors",
]
