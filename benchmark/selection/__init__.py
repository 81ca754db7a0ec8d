"""Selectors and what they choose; no model runs here.

    pool = build_pool(dataset, scores, matrices, uncertainty, sets, halves(...), unlabelled_masks, feature_names)
    plans = plan(pool, families, shots, seed)                       prompts that some selectors want run first
    choices = choose(pool, families, shots, seed, draws, answers)   every selector's candidates, and random ones
    choices.asked(k)                                                the sets to score, and for which queries

A selector family is one file in `selectors/`: decorate a function that makes its selectors with `@register(name)`, and
`tests/selection/test_contract.py` holds it to what every selector must keep. A kind of features is one file in
`features/`.
"""

from benchmark.selection import features, selectors
from benchmark.selection.choices import Choice, Choices, build_pool, choose, halves, plan
from benchmark.selection.pool import Features, Pool, Prompts, UndefinedError
from benchmark.selection.selector import Selector, create, describe, names

__all__ = [
    "Choice",
    "Choices",
    "Features",
    "Pool",
    "Prompts",
    "Selector",
    "UndefinedError",
    "build_pool",
    "choose",
    "create",
    "describe",
    "features",
    "halves",
    "names",
    "plan",
    "selectors",
]
