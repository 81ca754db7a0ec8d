"""Learning curves: what a budget of labels is worth, by who chose what to label, against random choice.

Each judging query gets one demonstration out of what is labelled: a random one (the mean over all, exactly), or the
nearest by tf-idf. The candidate-by-query matrices hold what either does, so that no model runs. The area under a curve
is its mean over the budgets' logarithms (trapezoids). p is the share of random orders whose area is as large, these
being judged on the same queries with the same rule; p_family is Holm's over all selectors of the pool, rule and metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
RULES = ("random", "nearest")
BAND = (5, 95)


def curves(orders: NDArray[np.int64], budgets: Sequence[int], values: Matrix, nearness: NDArray[np.int64]) -> Matrix:
    """Mean score over the queries after each budget, by each rule: float64 [rule, order, budget].

    `orders` int64 [order, labels] are candidates as they are labelled, `values` float64 [n, query] what each does as
    the one demonstration, `nearness` int64 [n, query] its rank in likeness to the query, 0 the nearest, without ties.
    """
    at = np.array(budgets) - 1
    counts = np.arange(1, orders.shape[1] + 1)
    random = values.mean(axis=1)[orders].cumsum(axis=1)[:, at] / counts[at]
    by_rank = np.take_along_axis(values, np.argsort(nearness, axis=0), axis=0)  # [rank, query]
    queries = np.arange(values.shape[1])
    nearest = np.empty_like(random)
    for row, order in enumerate(orders):
        best = np.minimum.accumulate(nearness[order], axis=0)[at]  # [budget, query]
        nearest[row] = by_rank[best, queries].mean(axis=1)
    return np.stack([random, nearest])


def ranks(likeness: Matrix, tie_break: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each candidate's rank in likeness to each query, 0 the nearest, int64 [n, query]; ties by `tie_break` [n]."""
    order = np.stack([np.lexsort((tie_break, -column)) for column in likeness.T], axis=1)
    found = np.empty_like(order)
    np.put_along_axis(found, order, np.arange(len(order))[:, None], axis=0)
    return found


def areas(curve: Matrix, budgets: Sequence[int]) -> Matrix:
    """The area under each curve over the logarithm of the budget, divided by its width: [...] of [..., budget]."""
    if len(budgets) == 1:
        return np.asarray(curve[..., 0])
    x = np.log(budgets)
    return np.asarray(np.trapezoid(curve, x, axis=-1) / (x[-1] - x[0]))


def holm(p: Matrix) -> Matrix:
    """Holm's adjusted p-values (1979), in the order given."""
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted


def learning_rows(
    keys: Sequence[Mapping[str, str]],
    orders: NDArray[np.int64],
    random: NDArray[np.int64],
    budgets: Sequence[int],
    outcomes: Mapping[str, Matrix],
    nearness: NDArray[np.int64],
) -> pd.DataFrame:
    """One row for each selector (`keys`, one for each of `orders`), rule, metric and budget of one pool.

    `outcomes` are float64 [n, query] by metric; `random` int64 [order, labels] the orders of random choice.
    """
    rows: list[dict[str, object]] = []
    for metric, values in outcomes.items():
        chosen, null = (curves(each, budgets, values, nearness) for each in (orders, random))
        for rule, curve, by_chance in zip(RULES, chosen, null, strict=True):
            area, null_area = areas(curve, budgets), areas(by_chance, budgets)
            reach = null_area[None, :] >= area[:, None] - 1e-12
            p = (1 + reach.sum(axis=1)) / (1 + reach.shape[1])
            low, high = np.percentile(by_chance, BAND, axis=0)
            mean, adjusted = by_chance.mean(axis=0), holm(p)
            for row, key in enumerate(keys):
                of_key = {
                    "area": area[row],
                    "random_area": null_area.mean(),
                    "p": p[row],
                    "p_family": adjusted[row],
                }
                rows += [
                    {
                        **key,
                        "rule": rule,
                        "metric": metric,
                        "budget": budget,
                        "score": curve[row, at],
                        "random_mean": mean[at],
                        "random_low": low[at],
                        "random_high": high[at],
                        **of_key,
                    }
                    for at, budget in enumerate(budgets)
                ]
    return pd.DataFrame(rows)
