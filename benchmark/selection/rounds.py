"""Labels bought in rounds: which candidates an unlabelled pool has labelled after each budget.

A selector whose smaller choice begins its larger one is asked once for the largest budget: its own earlier picks are
what it looks at. Any other chooses each round anew, among what is not labelled yet. Selectors that need labels, queries
of their own or prompts take no part: the pool has no labels.

A selector that goes by the model's uncertainty can have the model asked anew in each round, under demonstrations out of
what is labelled by then (`Asking`). No model runs here: whoever has one hands in what runs the prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from benchmark.errors import BenchmarkError
from benchmark.seeds import generator
from benchmark.selection.feature import names_of
from benchmark.selection.pool import Members, Pool, Prompts, UndefinedError
from benchmark.selection.selector import Selector, create, distribution, require_choices


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


def unsure(pool: Pool, families: Sequence[str]) -> list[Selector]:
    """The selectors of `families` for which the model can be asked anew in each round, by one kind of features each."""
    features = ("", *names_of(pool, asking=True))
    return [each for each in create(pool, families) if each.needs.uncertainty and each.features in features]


@dataclass(frozen=True)
class Asking:
    """Asks the model in each round about every candidate that is not labelled yet.

    Each is asked about after `shots` demonstrations (all that are labelled, while these are fewer), in `prompts` random
    draws of them that all candidates share; the distributions over its labels are averaged. In the first round nothing
    is labelled, and the model is asked zero-shot. `ask` runs prompts and gives their `answers`.
    """

    shots: int
    prompts: int
    ask: Callable[[Prompts], NDArray[np.float64]]

    def plan(self, labelled: Members, rest: Members, draw: np.random.Generator) -> Prompts:
        """The prompts of a round: every draw of demonstrations by every candidate of `rest`."""
        drawn = [draw.permutation(labelled)[: self.shots] for _ in range(self.prompts if len(labelled) else 1)]
        return Prompts(np.repeat(drawn, len(rest), axis=0), np.tile(rest, len(drawn)), "pool", "choices")

    def __call__(self, pool: Pool, labelled: Members, rest: Members, draw: np.random.Generator) -> Pool:
        """The pool of `rest` alone, with the model's uncertainty about it under what is labelled."""
        require_choices(pool)
        said = distribution(self.ask(self.plan(labelled, rest, draw)))
        likely = said.reshape(-1, len(rest), said.shape[1]).mean(axis=0)
        with np.errstate(divide="ignore"):  # a label may be ruled out
            return replace(pool.take(rest), predictive_entropy=entr(likely).sum(axis=1), answers=np.log(likely))


def label_in_rounds(
    selector: Selector, pool: Pool, budgets: Sequence[int], seed: int, asking: Asking | None = None
) -> Members:
    """Candidates in the order in which they are labelled, int64 [largest budget]; `budgets` rise.

    With `asking`, for one of the selectors `unsure`, the model's uncertainty is that of the round. Once all that are
    left look the same to a selector, the rest is random. Raises `BenchmarkError` for a budget that the pool cannot
    fill, `UndefinedError` as the selector does.
    """
    check_budgets(budgets, len(pool))
    draw = generator(seed, "rounds", selector.name, selector.direction, selector.mask, selector.features)
    shown = replace(pool.without_asked(), gain=None, random_sets=())
    if selector.nested and asking is None:
        return selector(shown, budgets[-1], draw)
    labelled = np.empty(0, dtype=np.int64)
    for budget in budgets:
        rest = np.setdiff1d(np.arange(len(pool)), labelled)
        try:
            seen = shown.take(rest) if asking is None else asking(shown, labelled, rest, draw)
            chosen = rest[selector(seen, budget - len(labelled), draw)]
        except UndefinedError:
            if not len(labelled):
                raise
            chosen = draw.permutation(rest)[: budget - len(labelled)]
        labelled = np.concatenate([labelled, chosen])
    return labelled


def check_budgets(budgets: Sequence[int], n: int) -> None:
    """Raises `BenchmarkError` unless budgets rise and the pool has as many candidates."""
    if list(budgets) != sorted(set(budgets)) or budgets[0] < 1:
        raise BenchmarkError(f"budgets {list(budgets)} do not rise: list each once, the smallest first")
    if budgets[-1] > n:
        raise BenchmarkError(f"there are only {n} candidates for a budget of {budgets[-1]}: set budgets up to {n}")


def random_orders(n: int, count: int, length: int, draw: np.random.Generator) -> NDArray[np.integer[Any]]:
    """The first `length` of `count` random orders of labelling, [count, length], in the smallest type that holds n."""
    orders = np.tile(np.arange(n, dtype=np.min_scalar_type(n)), (count, 1))
    return draw.permuted(orders, axis=1, out=orders)[:, :length]
