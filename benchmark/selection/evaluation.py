"""How well chosen candidates do on queries that took no part in choosing, against the distribution of random choice.

The queries are split once: one part is what selectors may see (the oracle its gains, similarity its inputs), the other
judges. At one shot the stored candidate-by-query matrices hold every score, so that the null is exact: every candidate.
Beyond, sets are scored by the model, each distinct one once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.artefacts.matrices import gain
from benchmark.artefacts.selection import COLUMNS
from benchmark.errors import BenchmarkError
from benchmark.seeds import generator
from benchmark.selection.random import Random
from benchmark.selection.selector import Pool, Selector, UndefinedError, create
from benchmark.tasks.dataset import Dataset

METRICS = ("performance", "gain")

Array = NDArray[Any]
Matrix = NDArray[np.float64]
ScoreSets = Callable[[NDArray[np.int64], NDArray[np.int64]], tuple[Array, Array]]
"""(members int [set, k] in prompt order, queries int [j]) -> log_probability and performance, each [set, j]."""


def halves(n_queries: int, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the queries for choosing (`share` of them, at least one) and for judging, both sorted."""
    n_choosing = min(max(round(share * n_queries), 1), n_queries - 1)
    if n_choosing < 1:
        raise BenchmarkError(f"{n_queries} queries cannot be split into choosing and judging: give the task more")
    order = generator(seed, "selection", "queries").permutation(n_queries).astype(np.int64)
    return np.sort(order[:n_choosing]), np.sort(order[n_choosing:])


def activation_scores(
    arrays: Mapping[str, Array], site: str = "mlp_output", pooling: str = "mean"
) -> tuple[Matrix, tuple[str, ...], tuple[str, ...]]:
    """The layer mean of `scores.npz`, float64 [candidate, mask, statistic], and the names of its two last axes.

    Statistics that the site does not have (NaN for every candidate, mask and layer) are left out.
    """
    try:
        at = [arrays["sites"].tolist().index(site), arrays["poolings"].tolist().index(pooling)]
    except ValueError as error:
        raise BenchmarkError(f"scores.npz lacks the site {site!r} or the pooling {pooling!r}: extract it") from error
    values = arrays["scores"][:, at[0], :, at[1]].astype(np.float64)
    present = ~np.isnan(values).all(axis=(0, 1, 2))
    statistics = tuple(np.array(arrays["statistics"])[present].tolist())
    return values[..., present].mean(axis=2), tuple(arrays["masks"].tolist()), statistics


def build_pool(
    dataset: Dataset,
    scores: Mapping[str, Array],
    matrices: Mapping[str, Array],
    uncertainty: pd.DataFrame,
    choosing: NDArray[np.int64],
    unlabelled_masks: Sequence[str],
) -> Pool:
    """What selectors may see, from the files of one model on one dataset; `choosing` indexes the queries shown.

    Raises `BenchmarkError` where the files do not speak of the dataset's candidates and queries, in its order.
    """
    candidates = [example.id for example in dataset.pool]
    for source, found in (
        ("scores.npz", scores["candidates"].tolist()),
        ("matrices.npz", matrices["candidates"].tolist()),
        ("uncertainty.csv", uncertainty["candidate"].astype(str).tolist()),
    ):
        if found != candidates:
            raise BenchmarkError(f"{source} is of another pool than dataset {dataset.name}: run its stage again")
    if matrices["queries"].tolist() != [example.id for example in dataset.queries]:
        raise BenchmarkError(f"matrices.npz is of other queries than dataset {dataset.name}: run its stage again")
    values, masks, statistics = activation_scores(scores)
    return Pool(
        inputs=tuple(example.input for example in dataset.pool),
        scores=values,
        masks=masks,
        statistics=statistics,
        unlabelled_masks=tuple(unlabelled_masks),
        perplexity=uncertainty["perplexity"].to_numpy(np.float64),
        predictive_entropy=uncertainty["predictive_entropy"].to_numpy(np.float64),
        query_inputs=tuple(dataset.queries[int(j)].input for j in choosing),
        gain=gain(matrices["log_probability"], matrices["zero_shot_log_probability"])[:, choosing].astype(np.float64),
    )


def evaluate(
    *,
    model: str,
    dataset: Dataset,
    scores: Mapping[str, Array],
    matrices: Mapping[str, Array],
    uncertainty: pd.DataFrame,
    score_sets: ScoreSets,
    shots: Sequence[int] = (1, 4, 8),
    draws: int = 30,
    query_share: float = 0.5,
    seed: int = 0,
    unlabelled_masks: Sequence[str] = ("input",),
    families: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The rows of `selection.csv` (`COLUMNS`) for one model on one dataset: selector by selector, two metrics each.

    `scores`, `matrices` and `uncertainty` are the contents of `scores.npz`, `matrices.npz` and `uncertainty.csv`.
    `score` is the mean over the judging queries of `performance` and of `gain` (nats over zero-shot) with the chosen
    candidates in the prompt. `random_mean` and `random_sd` (population) are those of random choice: of every candidate
    at 1 shot, of `draws` random sets beyond. `percentile` in [0, 100] is the share of random choices that the selector
    beats, a tie counting half (50 for random choice itself). A selector that is undefined on this pool keeps its row,
    without score and percentile.
    """
    for name in ("log_probability", "zero_shot_log_probability", "performance"):
        if not np.isfinite(matrices[name]).all():
            raise BenchmarkError(f"matrices.npz of {model} on {dataset.name}: {name} is not finite; score it again")
    choosing, judging = halves(len(dataset.queries), query_share, seed)
    pool = build_pool(dataset, scores, matrices, uncertainty, choosing, unlabelled_masks)
    selectors = list(create(pool, families))
    zero_shot = matrices["zero_shot_log_probability"][judging]
    rows: list[dict[str, Any]] = []
    random: list[tuple[int, ...]]
    sets: list[tuple[int, ...]]
    for k in shots:
        pool.require(k)
        chosen = [_choose(selector, pool, k, seed) for selector in selectors]
        if k == 1:
            random = [(i,) for i in range(len(pool))]
            sets = random
            log_probability, performance = (matrices[name][:, judging] for name in ("log_probability", "performance"))
        else:
            random = [_members(Random(), pool, k, generator(seed, "selection", k, draw)) for draw in range(draws)]
            sets = sorted({*random, *(members for members in chosen if members)})
            log_probability, performance = score_sets(np.array(sets, dtype=np.int64), judging)
        means = {
            "performance": performance.astype(np.float64).mean(axis=1),
            "gain": gain(log_probability, zero_shot).astype(np.float64).mean(axis=1),
        }
        place = {members: i for i, members in enumerate(sets)}
        drawn = [place[members] for members in random]
        for selector, members in zip(selectors, chosen, strict=True):
            for metric in METRICS:
                null = means[metric][drawn]
                if isinstance(selector, Random):  # all its draws: one of them would say nothing
                    score, rank = float(null.mean()), 50.0
                else:
                    score = float(means[metric][place[members]]) if members else float("nan")
                    rank = percentile(score, null)
                rows.append(
                    {
                        "model": model,
                        "dataset": dataset.name,
                        "selector": selector.name,
                        "direction": selector.direction,
                        "mask": selector.mask,
                        "shots": k,
                        "metric": metric,
                        "score": score,
                        "random_mean": null.mean(),
                        "random_sd": null.std(),
                        "percentile": rank,
                        "needs_label": selector.needs_label,
                    }
                )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _members(selector: Selector, pool: Pool, k: int, draw: np.random.Generator) -> tuple[int, ...]:
    return tuple(selector(pool, k, draw).tolist())


def _choose(selector: Selector, pool: Pool, k: int, seed: int) -> tuple[int, ...] | None:
    """What the selector picks, with a generator of its own; None where it is undefined on this pool."""
    purpose = (selector.name, selector.direction, selector.mask)
    try:
        return _members(selector, pool, k, generator(seed, "selection", *purpose, k))
    except UndefinedError:
        return None


def percentile(score: float, null: Matrix) -> float:
    """The share in percent of `null` that lies below `score`, ties counting half; NaN for NaN."""
    if np.isnan(score):
        return float("nan")
    near = np.isclose(null, score, rtol=0, atol=1e-12)
    return float(100 * (np.mean((null < score) & ~near) + np.mean(near) / 2))
