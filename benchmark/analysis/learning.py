"""Learning curves: what a budget of labels is worth, by who chose what to label, against random choice.

Each judging query gets one demonstration out of what is labelled: a random one (the mean over all, exactly), or the
nearest by tf-idf. The candidate-by-query matrices hold what either does, so that no model runs. The area under a curve
is its mean over the budgets' logarithms (trapezoids).

A selector has one order of labelling in a pool, which may be lucky, and few queries judge it. It beats random choice
there only where both tests say so: its area against those of random orders on the same queries (`p_orders`), and its
area query by query against their mean (`p_queries`, paired t). p is the larger of the two. Over tasks (`over_tasks`)
the differences of the tasks are tested, where both kinds of luck are among what differs. Holm's correction is over all
selectors, rules and pools of a metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.analysis.paired import holm, paired_t
from benchmark.artefacts.learning import METHOD

Matrix = NDArray[np.float64]
Orders = NDArray[np.int64]
RULES = ("random", "nearest")
BAND = (5, 95)
BLOCK = 500
OUTCOME = ["rule", "metric"]


@dataclass(frozen=True)
class Judged:
    """One pool: `values` float64 [n, query] is what each candidate does as the one demonstration; `nearness` [n, query]
    its rank in likeness to the query, 0 the nearest, without ties.
    """

    values: Matrix
    nearness: NDArray[np.int64]


def curves(orders: Orders, budgets: Sequence[int], judged: Judged) -> Matrix:
    """The score at each query after each budget, by each rule: float64 [rule, order, budget, query].

    `orders` int64 [order, labels] are candidates as they are labelled.
    """
    at = np.array(budgets)
    starts = np.array([0, *at[:-1]])
    labelled = orders[:, : at[-1]]
    random = np.add.reduceat(judged.values[labelled], starts, axis=1).cumsum(axis=1) / at[:, None]
    ranks_of = judged.nearness.astype(np.int32)[labelled]  # [order, label, query]
    best = np.minimum.accumulate(np.minimum.reduceat(ranks_of, starts, axis=1), axis=1)
    by_rank = np.take_along_axis(judged.values, np.argsort(judged.nearness, axis=0), axis=0)  # [rank, query]
    return np.stack([random, by_rank[best, np.arange(by_rank.shape[1])]])


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


def learning_tables(
    keys: Sequence[Mapping[str, str]],
    orders: Orders,
    random: Orders,
    budgets: Sequence[int],
    outcomes: Mapping[str, Matrix],
    nearness: NDArray[np.int64],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The curves and the areas of one pool, of each selector (`keys`, one for each of `orders`), rule and metric.

    `outcomes` are float64 [n, query] by metric; `random` int64 [order, labels] the orders of random choice, whose mean
    curve stands under the selector `random`, with its band.
    """
    of_pool = {name: value for name, value in keys[0].items() if name not in METHOD}
    by_chance = of_pool | dict.fromkeys(METHOD, "") | {"selector": "random"}
    share = weights(budgets)
    lines: list[dict[str, object]] = []
    areas: list[pd.DataFrame] = []
    for metric, values in outcomes.items():
        judged = Judged(values, nearness)
        chosen = curves(orders, budgets, judged)
        blocks = [curves(random[start : start + BLOCK], budgets, judged) for start in range(0, len(random), BLOCK)]
        null = np.concatenate([block.mean(axis=3) for block in blocks], axis=1)  # [rule, order, budget]
        expected = sum(block.sum(axis=1) for block in blocks) / len(random)  # [rule, budget, query]
        low, high = np.percentile(null, BAND, axis=1)
        for at, rule in enumerate(RULES):
            named = {"rule": rule, "metric": metric}
            curve, area = chosen[at].mean(axis=2), chosen[at].mean(axis=2) @ share
            null_area = null[at] @ share
            for k, budget in enumerate(budgets):
                line = {**named, "budget": budget}
                lines.append({**by_chance, **line, "score": null[at, :, k].mean(), "low": low[at, k],
                              "high": high[at, k]})  # fmt: skip
                lines += [{**key, **line, "score": curve[row, k]} for row, key in enumerate(keys)]
            difference, lower, upper, p_queries = paired_t(
                np.einsum("obq,b->oq", chosen[at], share) - np.einsum("bq,b->q", expected[at], share)
            )
            beyond = len(null_area) - np.searchsorted(np.sort(null_area), area - 1e-12)
            p_orders = (1 + beyond) / (1 + len(null_area))
            areas.append(
                pd.DataFrame(keys).assign(
                    **named,
                    area=area,
                    random_area=null_area.mean(),
                    difference=difference,
                    low=lower,
                    high=upper,
                    p_orders=p_orders,
                    p_queries=p_queries,
                    p=np.fmax(p_orders, p_queries),
                )
            )
    return pd.DataFrame(lines), pd.concat(areas, ignore_index=True)


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
