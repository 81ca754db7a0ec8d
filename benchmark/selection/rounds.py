"""Labels bought in rounds: which candidates an unlabelled pool has labelled after each budget.

A selector whose smaller choice begins its larger one is asked once for the largest budget: its own earlier picks are
what it looks at. Any other chooses each round anew, among what is not labelled yet. Selectors that need labels, queries
of their own or prompts take no part: the pool has no labels, and no model runs here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.seeds import generator
from benchmark.selection.pool import Members, Pool
from benchmark.selection.selector import Selector, create


def unlabelled(pool: Pool, families: Sequence[str]) -> list[Selector]:
    """The selectors of `families` that can spend a budget on a pool without labels; random choice is the null."""
    return [
        selector
        for selector in create(pool, families)
        if not selector.needs.labels
        and selector.needs.queries != "each"
        and selector.count_prompts(len(pool), 1) == 0
        and selector.name != "random"
    ]


def label_in_rounds(selector: Selector, pool: Pool, budgets: Sequence[int], seed: int) -> Members:
    """Candidates in the order in which they are labelled, int64 [largest budget]; `budgets` rise.

    Raises `BenchmarkError` for a budget that the pool cannot fill, `UndefinedError` as the selector does.
    """
    check_budgets(budgets, len(pool))
    draw = generator(seed, "rounds", selector.name, selector.direction, selector.mask, selector.features)
    shown = replace(pool.without_asked(), gain=None, random_sets=())
    if selector.nested:
        return selector(shown, budgets[-1], draw)
    labelled = np.empty(0, dtype=np.int64)
    for budget in budgets:
        rest = np.setdiff1d(np.arange(len(pool)), labelled)
        labelled = np.concatenate([labelled, rest[selector(shown.take(rest), budget - len(labelled), draw)]])
    return labelled


def check_budgets(budgets: Sequence[int], n: int) -> None:
    """Raises `BenchmarkError` unless budgets rise and the pool has as many candidates."""
    if list(budgets) != sorted(set(budgets)) or budgets[0] < 1:
        raise BenchmarkError(f"budgets {list(budgets)} do not rise: list each once, the smallest first")
    if budgets[-1] > n:
        raise BenchmarkError(f"there are only {n} candidates for a budget of {budgets[-1]}: set budgets up to {n}")


def random_orders(n: int, count: int, length: int, draw: np.random.Generator) -> NDArray[np.int64]:
    """The first `length` of `count` random orders of labelling, int64 [count, length]."""
    return draw.permuted(np.broadcast_to(np.arange(n), (count, n)), axis=1)[:, :length]
