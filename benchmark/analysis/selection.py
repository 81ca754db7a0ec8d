"""How good the chosen candidates are on the queries that judge, against the distribution of random choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.analysis.paired import paired_t
from benchmark.artefacts.matrices import gain
from benchmark.artefacts.selection import COLUMNS
from benchmark.selection.choices import Choices
from benchmark.selection.pool import Members

METRICS = ("performance", "gain")

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class ScoredSets:
    """`members` int64 [set, k]; `log_probability` and `performance` [set, j] on the j judging queries.

    NaN where a set was not asked for a query.
    """

    members: Members
    log_probability: NDArray[np.floating[Any]]
    performance: NDArray[np.floating[Any]]


def one_shot(matrices: Mapping[str, NDArray[Any]], judging: NDArray[np.int64]) -> ScoredSets:
    """Every candidate as the one demonstration, from `matrices.npz`."""
    members = np.arange(len(matrices["performance"]), dtype=np.int64)[:, None]
    return ScoredSets(members, *(matrices[name][:, judging] for name in ("log_probability", "performance")))


def selection_table(
    model: str,
    dataset: str,
    choices: Choices,
    scored: Mapping[int, ScoredSets],
    zero_shot: NDArray[np.floating[Any]],
    target: NDArray[np.integer[Any]] | None = None,
) -> pd.DataFrame:
    """The rows of `selection.csv` (`COLUMNS`) for one model on one dataset: selector by selector, two metrics each.

    `scored` has the sets of each number of shots, `zero_shot` [j] the judging queries' log-probability without a
    demonstration. `score` is the mean over the judging queries of `performance` and of `gain` (nats over zero-shot)
    with the chosen candidates in the prompt. `random_mean` and `random_sd` (population) are those of random choice: of
    every candidate at 1 shot, of random sets beyond. `percentile` in [0, 100] is the share of random choices that the
    selector beats, a tie counting half (50 for random choice itself). A selector that is undefined on this pool keeps
    its row, without score and percentile. `percentile_same_target` is the same against the candidates with the chosen
    one's `target` [candidate] (`analysis.targets`): a selector that only picks the better target is at 50 there. It is
    NaN beyond 1 shot, where a list is chosen for each query, and where nobody shares the target.

    `low` and `high` are the 95 % interval of score minus `random_mean`, by the paired t-test over the judging queries.
    `p` is one-sided, that the selector is no better than random choice: that test's, and where one list serves all
    queries at least the share of random choices that are as good, for one list may be lucky.
    """
    rows: list[dict[str, Any]] = []
    for shots, sets in scored.items():
        place = {tuple(members): i for i, members in enumerate(sets.members.tolist())}
        values = {
            "performance": sets.performance.astype(np.float64),
            "gain": gain(sets.log_probability, zero_shot).astype(np.float64),
        }
        drawn = [place[tuple(members)] for members in choices.random[shots].tolist()]
        null = {metric: values[metric][drawn].mean(axis=1) for metric in METRICS}
        expected = {metric: values[metric][drawn].mean(axis=0) for metric in METRICS}
        for choice in choices.at(shots):
            lists = choice.lists(choices.n_judging)
            at = None if lists is None else [place[tuple(members)] for members in lists.tolist()]
            for metric in METRICS:
                within = low = high = p = float("nan")
                if choice.selector.name == "random":  # all its draws: one of them would say nothing
                    score, rank = float(null[metric].mean()), 50.0
                elif at is None:
                    score = rank = float("nan")
                else:
                    each = values[metric][at, np.arange(choices.n_judging)]
                    score = float(each.mean())
                    rank = percentile(score, null[metric])
                    low, high, p = (float(value) for value in paired_t(each - expected[metric])[1:])
                    if len(set(at)) == 1:
                        p = max(p, float(np.mean(null[metric] >= score - 1e-12)))
                    if shots == 1 and target is not None and len(set(at)) == 1:
                        same = np.flatnonzero(target == target[at[0]])
                        within = percentile(score, values[metric][same].mean(axis=1)) if len(same) > 1 else within
                rows.append(
                    {
                        "model": model,
                        "dataset": dataset,
                        **choice.selector.keys,
                        "shots": shots,
                        "metric": metric,
                        "score": score,
                        "random_mean": null[metric].mean(),
                        "random_sd": null[metric].std(),
                        "low": low,
                        "high": high,
                        "p": p,
                        "percentile": rank,
                        "percentile_same_target": within,
                        "needs_label": choice.selector.needs.labels,
                    }
                )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def percentile(score: float, null: Matrix) -> float:
    """The share in percent of `null` that lies below `score`, ties counting half; NaN for NaN."""
    if np.isnan(score):
        return float("nan")
    near = np.isclose(null, score, rtol=0, atol=1e-12)
    return float(100 * (np.mean((null < score) & ~near) + np.mean(near) / 2))
