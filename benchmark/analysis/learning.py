"""Learning curves: what a budget of labels is worth, by who chose what to label, against random choice.

Each judging query gets one demonstration out of what is labelled: a random one (the mean over all, exactly), or the
nearest in likeness. The candidate-by-query matrices hold what either does, so that no model runs. The area under a
curve is its mean over the budgets' logarithms (trapezoids).

A selector has one order of labelling in a pool, which may be lucky, and few queries judge it. It beats random choice
there only where both tests say so: its area against those of random orders on the same queries (`p_orders`), and its
area query by query against their mean (`p_queries`, paired t). p is the larger of the two. Over tasks (`over_tasks`)
the differences of the tasks are tested, where both kinds of luck are among what differs. Holm's correction is over all
selectors, rules and pools of a metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.analysis.paired import holm, paired_t
from benchmark.artefacts.learning import METHOD

Matrix = NDArray[np.float64]
Orders = NDArray[np.integer[Any]]
Ranks = NDArray[np.integer[Any]]
BAND = (5, 95)
BLOCK = 100
"""Orders whose ranks stay in the cache."""
OUTCOME = ["rule", "metric"]


def means(orders: Orders, budgets: Sequence[int], values: Matrix) -> Matrix:
    """The mean of `values` [n, ...] over what is labelled after each budget: [order, budget, ...].

    `orders` [order, labels] are candidates as they are labelled; no budget exceeds their number.
    """
    at = np.array(budgets)
    sums = np.add.reduceat(values[orders[:, : at[-1]]], [0, *at[:-1]], axis=1).cumsum(axis=1)
    return np.asarray(sums / at.reshape(-1, *[1] * (values.ndim - 1)))


def nearest(orders: Orders, budgets: Sequence[int], nearness: Ranks) -> Ranks:
    """The rank of the nearest that is labelled after each budget, [order, budget, query], of `nearness` [n, query]."""
    parts = list(pairwise((0, *budgets)))
    best = np.empty((len(orders), len(budgets), nearness.shape[1]), dtype=nearness.dtype)
    for start in range(0, len(orders), BLOCK):
        labelled, found = nearness.take(orders[start : start + BLOCK], axis=0), best[start : start + BLOCK]
        for at, (low, high) in enumerate(parts):
            labelled[:, low:high].min(axis=1, out=found[:, at])
            np.minimum(found[:, at], found[:, max(at - 1, 0)], out=found[:, at])
    return best


def ranks(likeness: Matrix, tie_break: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each candidate's rank in likeness to each query, 0 the nearest, int64 [n, query]; ties by `tie_break` [n]."""
    order = np.stack([np.lexsort((tie_break, -column)) for column in likeness.T], axis=1)
    found = np.empty_like(order)
    np.put_along_axis(found, order, np.arange(len(order))[:, None], axis=0)
    return found


def weights(budgets: Sequence[int]) -> Matrix:
    """What each budget counts in the area under a curve, [budget]; they add up to 1."""
    if len(budgets) == 1:
        return np.ones(1)
    x = np.log(budgets)
    widths = np.diff(x)
    return np.asarray(np.add(np.append(widths, 0), np.append(0, widths)) / 2 / (x[-1] - x[0]))


@dataclass(frozen=True)
class Chance:
    """Random choice in a pool: `orders` [order, labels] of labelling, and what is labelled after each of `budgets`.

    `nearness` [n, query] is each candidate's rank in likeness to the query. No model has a part in it.
    """

    orders: Orders
    budgets: Sequence[int]
    nearness: Ranks

    @cached_property
    def best(self) -> Ranks:
        """The rank of the nearest that is labelled, [query, order, budget]."""
        small = self.nearness.astype(np.min_scalar_type(len(self.nearness)))  # it is looked up for every order
        return np.ascontiguousarray(np.moveaxis(nearest(self.orders, self.budgets, small), 2, 0))

    def shown(self, ranked: Matrix) -> tuple[Matrix, Matrix]:
        """The score of the nearest, which is `ranked` [rank, query]: mean over queries [order, budget], and over orders
        [budget, query].
        """
        of_order, of_query = np.zeros(self.best.shape[1:]), []
        for scores, best in zip(ranked.T, self.best, strict=True):
            found = scores.take(best)
            of_order += found
            of_query.append(found.mean(axis=0))
        return of_order / len(of_query), np.stack(of_query, axis=1)


def learning_tables(
    keys: Sequence[Mapping[str, str]], orders: Orders, chance: Chance, outcomes: Mapping[str, Matrix]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The curves and the areas of one pool, of each selector (`keys`, one for each of `orders`), rule and metric.

    `outcomes` float64 [n, query] by metric: what each candidate does as the one demonstration. The mean curve of random
    choice stands under the selector `random`, with its band.
    """
    budgets, by_rank = chance.budgets, np.argsort(chance.nearness, axis=0)
    best = nearest(orders, budgets, chance.nearness)
    parts = []
    for metric, values in outcomes.items():
        ranked, queries = np.take_along_axis(values, by_rank, axis=0), np.arange(values.shape[1])
        drawn = np.broadcast_to(values.mean(axis=0), (len(budgets), len(queries)))
        found = {
            "random": Rule(means(orders, budgets, values), means(chance.orders, budgets, values.mean(axis=1)), drawn),
            "nearest": Rule(ranked[best, queries], *chance.shown(ranked)),
        }
        parts += [_compared(keys, rule, budgets, {"rule": name, "metric": metric}) for name, rule in found.items()]
    curves, areas = (pd.concat(part, ignore_index=True) for part in zip(*parts, strict=True))
    return curves, areas


@dataclass(frozen=True)
class Rule:
    """Scores under one rule: of each selector float64 [order, budget, query]; of each random order, over the queries,
    [order, budget]; and of random choice, expected at each query, [budget, query].
    """

    chosen: Matrix
    random: Matrix
    expected: Matrix


def _compared(
    keys: Sequence[Mapping[str, str]], rule: Rule, budgets: Sequence[int], named: Mapping[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The curves and areas of one rule and metric, which `named` names."""
    of_pool = {name: value for name, value in keys[0].items() if name not in METHOD}
    by_chance = of_pool | dict.fromkeys(METHOD, "") | {"selector": "random"} | dict(named)
    curve, share = rule.chosen.mean(axis=2), weights(budgets)
    low, high = np.percentile(rule.random, BAND, axis=0)
    lines = [
        {**by_chance, "budget": budget, "score": rule.expected[at].mean(), "low": low[at], "high": high[at]}
        for at, budget in enumerate(budgets)
    ]
    lines += [
        {**key, **named, "budget": budget, "score": curve[row, at]}
        for row, key in enumerate(keys)
        for at, budget in enumerate(budgets)
    ]
    area, random_areas = curve @ share, np.sort(rule.random @ share)
    each = np.einsum("obq,b->oq", rule.chosen - rule.expected, share)
    difference, lower, upper, p_queries = paired_t(each)
    as_large = len(random_areas) - np.searchsorted(random_areas, area - 1e-12)
    p_orders = (1 + as_large) / (1 + len(random_areas))
    areas = pd.DataFrame(keys).assign(
        **named,
        area=area,
        random_area=rule.expected.mean(axis=1) @ share,
        difference=difference,
        low=lower,
        high=upper,
        p_orders=p_orders,
        p_queries=p_queries,
        p=np.fmax(p_orders, p_queries),
    )
    return pd.DataFrame(lines), areas


def over_tasks(areas: pd.DataFrame) -> pd.DataFrame:
    """The areas of every method over all tasks: rows as those of a pool, with `model` and `dataset` empty.

    A task's difference is the mean over models; the interval and p are the paired t-test's over tasks.
    """
    numbers = ["area", "random_area", "difference"]
    by_task = areas.groupby([*METHOD, *OUTCOME, "dataset"], sort=False)[numbers].mean().reset_index()
    rows = []
    for key, tasks in by_task.groupby([*METHOD, *OUTCOME], sort=False):
        _, low, high, p = paired_t(tasks["difference"].to_numpy())
        rows.append(
            {"model": "", "dataset": "", **dict(zip([*METHOD, *OUTCOME], key, strict=True)), **tasks[numbers].mean(),
             "low": float(low), "high": float(high), "p": float(p)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def corrected(areas: pd.DataFrame) -> pd.DataFrame:
    """With `p_family`: Holm's over all rows of the same metric."""
    return areas.assign(p_family=areas.groupby("metric", sort=False)["p"].transform(lambda p: holm(p.to_numpy())))
