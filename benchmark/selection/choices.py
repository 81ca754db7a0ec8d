"""What every selector chooses, and random sets to compare with; the caller scores what is `asked`, with a model.

The queries are split once: one part is what selectors may see (the oracle its gains, similarity its inputs), the other
judges.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.artefacts.column import Column
from benchmark.artefacts.features import LAYER, POOLING, FeatureScores
from benchmark.artefacts.matrices import gain
from benchmark.artefacts.sets import Sets
from benchmark.errors import BenchmarkError
from benchmark.seeds import generator
from benchmark.selection.pool import Dictionary, Features, Members, Pool, Prompts, RandomSets, UndefinedError
from benchmark.selection.selector import Selector, create
from benchmark.selection.selectors.random import Random
from benchmark.tasks.dataset import Dataset

Array = NDArray[Any]
Matrix = NDArray[np.float64]
Plan = tuple[Selector, int]
log = logging.getLogger(__name__)


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
    sets: Mapping[int, Sets],
    queries: tuple[NDArray[np.int64], NDArray[np.int64]],
    unlabelled_masks: Sequence[str],
    feature_names: Sequence[str],
    embeddings: Mapping[str, Features] | None = None,
    dictionaries: FeatureScores | None = None,
) -> Pool:
    """What selectors may see, from the files of one model on one dataset.

    `queries` are the two `halves`: of those that judge, only a selector that chooses for each query is given the input.
    Raises `BenchmarkError` where the files are not of the dataset's candidates and queries, in its order, and for a
    score of the matrices that is not finite.
    """
    for name in ("log_probability", "zero_shot_log_probability", "performance"):
        if not np.isfinite(matrices[name]).all():
            raise BenchmarkError(f"matrices.npz of dataset {dataset.name}: {name} is not finite; score it again")
    candidates = [example.id for example in dataset.pool]
    for source, found in (
        ("scores.npz", scores["candidates"].tolist()),
        ("matrices.npz", matrices["candidates"].tolist()),
        ("uncertainty.csv", uncertainty["candidate"].astype(str).tolist()),
        ("what the sae stage wrote", candidates if dictionaries is None else dictionaries.candidates.tolist()),
    ):
        if found != candidates:
            raise BenchmarkError(f"{source} is of another pool than dataset {dataset.name}: run its stage again")
    if matrices["queries"].tolist() != [example.id for example in dataset.queries]:
        raise BenchmarkError(f"matrices.npz is of other queries than dataset {dataset.name}: run its stage again")
    choosing, judging = queries
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
        random_sets=tuple(
            RandomSets(part.members.astype(np.int64), part.performance[:, choosing].astype(np.float64))
            for part in sets.values()
        ),
        n_choices=max(len(example.choices) for example in dataset.pool),
        feature_names=tuple(feature_names),
        embeddings=embeddings or {},
        dictionaries={} if dictionaries is None else _of_inputs(dictionaries),
        asked_inputs=tuple(dataset.queries[int(j)].input for j in judging),
    )


def _of_inputs(scores: FeatureScores) -> dict[str, Dictionary]:
    """By site, what is known without a label."""
    return {
        site: Dictionary(
            scores.column(Column(site, "input", POOLING, LAYER, "sae_loss")).astype(np.float64),
            scores.features(site, "input").astype(bool),
        )
        for site in map(str, scores.sites)
    }


@dataclass(frozen=True)
class Choice:
    """What one selector chose for prompts of `shots` demonstrations.

    `members` holds indices into the pool, in prompt order: int64 [1, k], one list for every judging query; or int64
    [j, k], one for each; or None where the selector is undefined on this pool, for `reason`.
    """

    selector: Selector
    shots: int
    members: Members | None
    reason: str = ""

    def lists(self, n_judging: int) -> Members | None:
        """The list of every judging query, int64 [j, k]."""
        return None if self.members is None else np.broadcast_to(self.members, (n_judging, self.shots))


@dataclass(frozen=True)
class Choices:
    """Every selector's choice at every number of shots, in a fixed order, and the random sets of each number.

    `random` int64 [draw, k] holds every candidate at 1 shot, so that this null distribution is exact.
    """

    chosen: tuple[Choice, ...]
    random: Mapping[int, Members]
    n_judging: int

    def at(self, shots: int) -> list[Choice]:
        return [choice for choice in self.chosen if choice.shots == shots]

    def arrays(self) -> dict[str, Array]:
        """For each number of shots k: `random_k`; of every selector in turn `reasons_k` [selector] and `counts_k` int64
        [selector], how many lists it gave, 0 where it is undefined; and these lists `members_k` int64 [list, k].
        """
        found: dict[str, Array] = {}
        for k, random in self.random.items():
            chosen = self.at(k)
            lists = [np.empty((0, k), np.int64) if choice.members is None else choice.members for choice in chosen]
            found |= {
                f"random_{k}": random,
                f"reasons_{k}": np.array([choice.reason for choice in chosen], dtype=np.str_),
                f"counts_{k}": np.array([len(each) for each in lists], dtype=np.int64),
                f"members_{k}": np.concatenate([np.empty((0, k), np.int64), *lists]),
            }
        return found

    @classmethod
    def read(
        cls, arrays: Mapping[str, Array], selectors: Sequence[Selector], shots: Sequence[int], n_judging: int
    ) -> Choices:
        """From `arrays` of the choices of the same selectors, in the same order."""
        chosen: list[Choice] = []
        for k in shots:
            lists = np.split(arrays[f"members_{k}"], np.cumsum(arrays[f"counts_{k}"]))[:-1]
            for selector, members, reason in zip(selectors, lists, arrays[f"reasons_{k}"].tolist(), strict=True):
                chosen.append(Choice(selector, k, members if len(members) else None, reason))
        return cls(tuple(chosen), {k: arrays[f"random_{k}"] for k in shots}, n_judging)

    def asked(self, shots: int) -> tuple[Members, NDArray[np.bool_]]:
        """The distinct sets to score, int64 [set, k], sorted, and for which judging queries, bool [set, j]."""
        pairs: dict[tuple[int, ...], NDArray[np.bool_]] = {}
        everywhere = np.ones(self.n_judging, dtype=bool)
        for row in self.random[shots].tolist():
            pairs[tuple(row)] = everywhere
        for choice in self.at(shots):
            if choice.members is None:
                continue
            if len(choice.members) == 1:
                pairs[tuple(choice.members[0].tolist())] = everywhere
                continue
            for query, row in enumerate(choice.members.tolist()):
                asked = pairs.setdefault(tuple(row), np.zeros(self.n_judging, dtype=bool))
                if asked is not everywhere:
                    asked[query] = True
        sets = sorted(pairs)
        return np.array(sets, dtype=np.int64), np.array([pairs[members] for members in sets])


def plan(pool: Pool, families: Sequence[str], shots: Sequence[int], seed: int) -> dict[Plan, Prompts]:
    """The prompts that selectors of `families` want run before they choose, for each of `shots`."""
    plans: dict[Plan, Prompts] = {}
    for selector in create(pool, families):
        for k in shots:
            try:
                prompts = _prompts(selector, pool, k, seed)
            except UndefinedError:  # `choose` gives the reason
                continue
            if prompts is not None:
                plans[selector, k] = prompts
    return plans


def choose(
    pool: Pool,
    families: Sequence[str] | None,
    shots: Sequence[int],
    seed: int,
    draws: int,
    answers: Mapping[Plan, NDArray[np.float64]],
) -> Choices:
    """What every selector of `families` (None: all that are registered) chooses from the pool, for each of `shots`.

    `draws` is the number of random sets beyond 1 shot; `answers` are what the model said to the prompts of `plan`, in
    the form that `Prompts` gives; a selector without those that it wants is undefined. Every draw has a generator of
    its own, so that neither families nor shots influence one another. Raises `BenchmarkError` for shots that the pool
    cannot fill.
    """
    selectors = list(create(pool, families))
    chosen: list[Choice] = []
    random: dict[int, Members] = {}
    for k in shots:
        pool.require(k)
        if k == 1:
            random[k] = np.arange(len(pool), dtype=np.int64)[:, None]
        else:
            random[k] = np.stack([Random()(pool, k, generator(seed, "selection", k, draw)) for draw in range(draws)])
        chosen += [_choose(selector, pool, k, seed, answers) for selector in selectors]
    reasons = {f"{choice.selector.name}: {choice.reason}" for choice in chosen if choice.members is None}
    if reasons:
        log.info("undefined on this pool: %s", "; ".join(sorted(reasons)))
    return Choices(tuple(chosen), random, len(pool.asked_inputs))


def _choose(selector: Selector, pool: Pool, k: int, seed: int, answers: Mapping[Plan, NDArray[np.float64]]) -> Choice:
    shown = _shown(selector, pool)
    try:
        if shown.gain is None and selector.needs.labels:
            raise UndefinedError("it needs labels, and the pool has none")
        prompts = _prompts(selector, pool, k, seed)
        if prompts is not None:
            if (selector, k) not in answers:
                raise UndefinedError("the model was not asked")
            shown = replace(shown, prompts=prompts, answers=answers[selector, k])
        draw = generator(seed, "selection", selector.name, selector.direction, selector.mask, k)
        return Choice(selector, k, np.atleast_2d(selector(shown, k, draw)))
    except UndefinedError as error:
        return Choice(selector, k, None, str(error))


def _prompts(selector: Selector, pool: Pool, k: int, seed: int) -> Prompts | None:
    # the same for every k: equal prompts are run once
    draw = generator(seed, "selection", "plan", selector.name, selector.direction, selector.mask)
    return selector.plan(_shown(selector, pool), k, draw)


def _shown(selector: Selector, pool: Pool) -> Pool:
    """What the selector may see of the pool."""
    return pool if selector.needs.queries == "each" else pool.without_asked()
