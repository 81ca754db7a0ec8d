"""What selectors will want said, before there is a pool: their own plans, made for a pool of random features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.activations.masks import MASKS
from benchmark.activations.statistics import STATISTICS
from benchmark.artefacts.prompts import Prompt
from benchmark.params import Params
from benchmark.planning.lengths import Lengths
from benchmark.selection import Features, Pool, create, halves, plan
from benchmark.selection.feature import kind, unit
from benchmark.selection.rounds import Asking, unsure
from benchmark.stages.pools import budgets_of, listed

DIMENSIONS, WORDS = 16, 50


def wanted_prompts(params: Params, lengths: Lengths) -> list[Prompt]:
    """The distinct prompts, sorted; which candidates are near to a query is drawn."""
    n_choices = max(map(len, lengths.continuations)) if lengths.kind == "classification" else 0
    section = params.selection
    if len(lengths.query_input) < 2:
        return []  # none is left to judge
    judging = halves(len(lengths.query_input), section.query_share, params.seed)[1]
    pool = random_pool(params, len(lengths.pool_input), len(judging), n_choices)
    shots = {min(k, len(pool)) for k in section.shots}
    plans = plan(pool, section.selectors, sorted(shots), params.seed).values()
    return sorted({prompt for prompts in plans for prompt in listed(prompts, judging)})


def round_prompts(params: Params, lengths: Lengths) -> list[list[Prompt]]:
    """What the model is asked before anything is labelled, and in each later round of each selector that asks it anew.

    What is labelled by then is drawn.
    """
    section, n = params.selection, len(lengths.pool_input)
    n_choices = max(map(len, lengths.continuations)) if lengths.kind == "classification" else 0
    budgets = budgets_of(params, n)
    if not (n_choices and budgets):
        return []
    asking = Asking(section.rounds.shots, section.rounds.prompts, lambda prompts: np.empty(0))
    nobody = np.empty(0, dtype=np.int64)
    selectors = list(unsure(random_pool(params, 2, 1, n_choices), section.selectors))
    draw = np.random.default_rng(0)
    order = draw.permutation(n)
    plans = [asking.plan(nobody, order, draw)] if selectors else []
    plans += [asking.plan(order[:labelled], order[labelled:], draw) for _ in selectors for labelled in budgets[:-1]]
    return [listed(prompts, nobody) for prompts in plans]


def count_selectors(params: Params) -> int:
    """How many selectors choose: all that the registry makes of the profile's masks and statistics."""
    return sum(1 for _ in create(random_pool(params, 2, 1, 0), params.selection.selectors))


def random_pool(params: Params, candidates: int, asked: int, n_choices: int) -> Pool:
    """A pool of that size with the profile's masks, statistics and features."""
    generator = np.random.default_rng(0)
    statistics = [name for name in STATISTICS if name in params.extraction.sites.get("mlp_output", ())]
    masks = params.extraction.masks

    def vectors(count: int) -> NDArray[np.floating]:
        return unit(generator.normal(size=(count, DIMENSIONS)))

    drawn = generator.integers(WORDS, size=(candidates + asked + 1, DIMENSIONS))
    texts = tuple(" ".join(f"w{word}" for word in row) for row in drawn)
    return Pool(
        inputs=texts[:candidates],
        scores=generator.normal(size=(candidates, len(masks), len(statistics))),
        masks=tuple(masks),
        statistics=tuple(statistics),
        unlabelled_masks=tuple(name for name in masks if not MASKS[name].needs_label),
        perplexity=np.ones(candidates),
        predictive_entropy=np.ones(candidates),
        query_inputs=texts[-1:],
        gain=np.zeros((candidates, 1)),
        n_choices=n_choices,
        feature_names=params.selection.features,
        embeddings={
            name: Features(vectors(candidates), vectors(1), vectors(asked))
            for name in params.selection.features
            if kind(name).computed
        },
        asked_inputs=texts[candidates : candidates + asked],
    )
