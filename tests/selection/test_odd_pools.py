"""Every selector on pools that are odd in one way each: a whole choice, or one line that says why there is none."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from benchmark.selection import Features, Pool, Prompts, Selector, UndefinedError, choose, create, names, plan
from benchmark.selection.pool import Dictionary, Rows
from benchmark.selection.rounds import Asking, label_in_rounds, unlabelled, unsure
from tests.selection.conftest import make_pool, rows, say

N = 12
SHOTS = (1, 4, N)


def alike(pool: Pool, of: list[int]) -> Pool:
    """The pool of candidates `of`, with repetitions."""
    return pool.take(np.array(of, dtype=np.int64))


def hidden(pool: Pool, candidates: Rows, **changes: Rows) -> Pool:
    found: Features = replace(pool.embeddings["hidden"], candidates=candidates, **changes)
    return replace(pool, embeddings={"hidden": found})


def _pools() -> dict[str, Callable[[], Pool]]:
    def base() -> Pool:
        return make_pool(N)

    generator = np.random.default_rng(0)
    zero = np.zeros((N, 8))
    two = rows(generator, 2, 8)
    some = np.where(np.arange(N)[:, None] < 5, 0.0, rows(generator, N, 8))
    spike = np.where(np.arange(N) == 3, np.inf, 1.0)
    dead = {"residual": Dictionary(np.ones(N), csr_array((N, 40), dtype=bool))}
    return {
        "nothing odd": base,
        "every candidate twice": lambda: alike(base(), [*range(6), *range(6)]),
        "one candidate among copies of another": lambda: alike(base(), [0, *[1] * (N - 1)]),
        "copies of one candidate": lambda: alike(base(), [2] * N),
        "two places in the space of features": lambda: hidden(base(), two[np.arange(N) % 2]),
        "two places, one of them but once": lambda: hidden(base(), two[(np.arange(N) == 7).astype(int)]),
        "features that are all dead": lambda: hidden(base(), zero),
        "some candidates without a feature": lambda: hidden(base(), some),
        "opposite features": lambda: hidden(base(), np.where(np.arange(N)[:, None] % 2, two[0], -two[0])),
        "all as far from each other": lambda: hidden(base(), np.eye(N)[:, :N], queries=np.eye(N), asked=np.eye(N)[:6]),
        "queries without a feature": lambda: hidden(base(), rows(generator, N, 8), queries=zero, asked=zero[:6]),
        "features in float32": lambda: hidden(
            base(),
            *(rows(generator, N, 8).astype(np.float32),),
            queries=rows(generator, 4, 8).astype(np.float32),
            asked=rows(generator, 6, 8).astype(np.float32),
        ),
        "one feature": lambda: hidden(base(), np.ones((N, 1)), queries=np.ones((3, 1)), asked=np.ones((6, 1))),
        "inputs of punctuation": lambda: replace(base(), inputs=tuple("?!." [: 1 + i % 3] for i in range(N))),
        "inputs of white space": lambda: replace(base(), inputs=(" ", "\n") * (N // 2)),
        "inputs that share no word": lambda: replace(base(), inputs=tuple(f"word{i}" for i in range(N))),
        "one very long input": lambda: replace(base(), inputs=("long " * 9000, *base().inputs[1:])),
        "inputs in other scripts": lambda: replace(base(), inputs=tuple("漢字 🙂 ñ"[: 1 + i % 7] for i in range(N))),
        "queries of unknown words": lambda: replace(base(), query_inputs=("zzz",), asked_inputs=("yyy",) * 6),
        "one judging query": lambda: replace(
            hidden(base(), rows(generator, N, 8), asked=two[:1]), asked_inputs=("red green",)
        ),
        "statistics that are all the same": lambda: replace(base(), scores=np.ones((N, 2, 3))),
        "statistics that are not there": lambda: replace(base(), scores=np.full((N, 2, 3), np.nan)),
        "a statistic that overflowed": lambda: replace(base(), scores=np.where(spike[:, None, None] > 1, np.inf, 1.0)
                                                       * base().scores),
        "uncertainty that is all the same": lambda: replace(
            base(), perplexity=np.ones(N), predictive_entropy=np.ones(N)
        ),
        "an endless perplexity": lambda: replace(base(), perplexity=spike),
        "gains that are all the same": lambda: replace(base(), gain=np.ones((N, 5)), random_sets=()),
        "no labels": lambda: replace(base(), gain=None, random_sets=()),
        "one label": lambda: replace(base(), n_choices=1),
        "a generative task": lambda: replace(base(), n_choices=0),
        "dictionaries that are all dead": lambda: replace(base(), dictionaries=dead),
        "no dictionary": lambda: replace(base(), dictionaries={}),
    }  # fmt: skip


POOLS = _pools()


def certain(prompts: Prompts, width: int) -> np.ndarray:
    """A model that is sure of the first label: the others have no probability at all."""
    said = np.full((len(prompts.asked), width if prompts.read == "choices" else 1), -np.inf)
    said[:, 0] = 0.0
    return said


@pytest.mark.parametrize("odd", POOLS)
def test_every_selector_chooses_whole_sets_or_says_why_not(odd: str) -> None:
    pool = POOLS[odd]()
    everyone = len(list(create(pool, names())))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = {entry: say(pool, prompts) for entry, prompts in plan(pool, names(), SHOTS, 1).items()}
        choices = choose(pool, names(), SHOTS, 1, 5, said)
    assert len(choices.chosen) == everyone * len(SHOTS)
    for choice in choices.chosen:
        if choice.members is None:
            assert choice.reason
            assert "\n" not in choice.reason
        else:
            assert choice.members.dtype == np.int64
            assert choice.members.shape[1] == choice.shots
            for row in choice.members.tolist():
                assert len(set(row)) == choice.shots
                assert set(row) <= set(range(N))
    (random, *_) = [choice for choice in choices.chosen if choice.selector.name == "random"]
    assert random.members is not None


@pytest.mark.parametrize("odd", POOLS)
def test_every_selector_buys_whole_budgets_or_says_why_not(odd: str) -> None:
    pool, budgets = POOLS[odd](), (2, 5, N)
    model = Asking(3, 2, lambda prompts: certain(prompts, max(pool.n_choices, 1)))
    who: list[tuple[Selector, Asking | None]] = [(each, None) for each in unlabelled(pool, names())]
    who += [(each, model) for each in unsure(pool, names())]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for selector, asking in who:
            try:
                order = label_in_rounds(selector, pool, budgets, 1, asking).tolist()
            except UndefinedError:
                order = None
            assert order is None or sorted(order) == list(range(N))
