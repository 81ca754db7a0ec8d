"""The selectors that go by the features of a sparse autoencoder, against their definitions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from benchmark.selection import Pool, Selector, UndefinedError, build_pool, create, halves
from benchmark.selection.pool import Dictionary
from tests.artefacts.test_features import make
from tests.selection.conftest import Files, make_pool, run


def pool_of(features: list[list[bool]], loss: list[float] | None = None) -> Pool:
    n = len(features)
    dictionary = Dictionary(np.array(loss or [0.0] * n), csr_array(np.array(features, dtype=bool)))
    return replace(make_pool(n), dictionaries={"residual": dictionary})


def selector(pool: Pool, family: str, **wanted: Any) -> Selector:
    (found,) = (s for s in create(pool, [family]) if all(getattr(s, key) == value for key, value in wanted.items()))
    return found


def covered(features: list[list[bool]], chosen: list[int]) -> int:
    return int(np.array(features)[chosen].any(axis=0).sum())


@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=2, max_size=8), st.integers(0, 3))
def test_each_pick_covers_as_many_new_features_as_any_could(features: list[list[bool]], seed: int) -> None:
    pool = pool_of(features)
    try:
        chosen = [int(i) for i in run(selector(pool, "sae_coverage"), pool, len(features), seed)]
    except UndefinedError:
        assert len({tuple(row) for row in features}) == 1
        return
    start = 0  # since all features last counted as uncovered
    for place, pick in enumerate(chosen):
        rest = chosen[place:]
        before = chosen[start:place]
        if all(covered(features, [*before, i]) == covered(features, before) for i in rest):
            start, before = place, []
        gains = {i: covered(features, [*before, i]) - covered(features, before) for i in rest}
        assert gains[pick] == max(gains.values())


def test_loss_goes_both_ways() -> None:
    pool = pool_of([[True, False]] * 4, [0.4, 0.1, 0.3, 0.2])
    assert run(selector(pool, "sae_loss", direction="lowest"), pool, 4).tolist() == [1, 3, 2, 0]
    assert run(selector(pool, "sae_loss", direction="highest"), pool, 2).tolist() == [0, 2]


def test_features_that_are_the_same_everywhere_are_undefined() -> None:
    for row in ([True, True, False], [False, False, False]):
        pool = pool_of([row] * 5, [0.1, 0.2, 0.3, 0.4, 0.5])
        with pytest.raises(UndefinedError, match="the features at the residual are the same for every candidate"):
            run(selector(pool, "sae_coverage"), pool, 3)
    pool = pool_of([[True]] * 5, [0.5] * 5)
    with pytest.raises(UndefinedError, match="the score is the same for every candidate"):
        run(selector(pool, "sae_loss", direction="lowest"), pool, 3)


def test_a_model_without_dictionary_has_no_such_selector() -> None:
    pool = replace(make_pool(5), dictionaries={})
    assert not list(create(pool, ["sae_coverage", "sae_loss"]))


def test_a_pool_sees_the_features_of_inputs_alone(files: Files) -> None:
    n = len(files.dataset.pool)
    scores, dense = make(n)
    scores = replace(scores, candidates=np.array([example.id for example in files.dataset.pool]))
    queries = halves(len(files.dataset.queries), 0.5, 0)
    given = (files.dataset, files.scores, files.matrices, files.uncertainty, files.sets, queries)
    pool = build_pool(*given, unlabelled_masks=["input"], feature_names=[], dictionaries=scores)
    assert list(pool.dictionaries) == ["mlp_output", "residual"]
    for s, own in enumerate(pool.dictionaries.values()):
        np.testing.assert_array_equal(own.features.toarray(), dense[s, 1] > 0)
        np.testing.assert_allclose(own.loss, scores.scores[:, s, 1, 0], rtol=1e-6)
    kept = np.array([5, 2])
    for site, own in pool.take(kept).dictionaries.items():
        np.testing.assert_array_equal(own.features.toarray(), pool.dictionaries[site].features.toarray()[kept])
        np.testing.assert_array_equal(own.loss, pool.dictionaries[site].loss[kept])
    assert build_pool(*given, unlabelled_masks=["input"], feature_names=[]).dictionaries == {}
