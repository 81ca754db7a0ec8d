"""Each family against a brute-force reading of what it promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.selection import Pool, create
from benchmark.selection.text import features


def chosen(pool: Pool, family: str, k: int) -> dict[tuple[str, str, str], list[int]]:
    generator = np.random.default_rng(0)
    pool = replace(pool, feature_names=("tfidf",))
    return {(s.name, s.direction, s.mask): s(pool, k, generator).tolist() for s in create(pool, [family])}


def ranked(values: NDArray[np.float64], k: int) -> list[int]:
    return sorted(range(len(values)), key=lambda i: -values[i])[:k]


def test_activation_ranks_by_its_statistic_under_its_mask(pool: Pool) -> None:
    picks = chosen(pool, "activation", 4)
    for m, mask in enumerate(pool.masks):
        for s, statistic in enumerate(pool.statistics):
            values = pool.scores[:, m, s]
            assert picks[f"activation_{statistic}", "highest", mask] == ranked(values, 4)
            assert picks[f"activation_{statistic}", "lowest", mask] == ranked(-values, 4)


@pytest.mark.parametrize("signal", ["perplexity", "predictive_entropy"])
def test_uncertainty_ranks_by_its_signal(pool: Pool, signal: str) -> None:
    picks = chosen(pool, signal, 4)
    assert picks[signal, "highest", ""] == ranked(getattr(pool, signal), 4)
    assert picks[signal, "lowest", ""] == ranked(-getattr(pool, signal), 4)


def test_the_oracle_ranks_by_mean_gain(pool: Pool) -> None:
    assert pool.gain is not None
    assert chosen(pool, "oracle", 5)["oracle", "highest", ""] == ranked(pool.gain.mean(axis=1), 5)


def test_similarity_ranks_by_the_mean_cosine(pool: Pool) -> None:
    rows, queries = (matrix.toarray() for matrix in features(pool.inputs, pool.query_inputs))
    for reference, others in (("pool", rows), ("queries", queries)):
        cosine = np.array([np.mean([row @ other for other in others]) for row in rows])
        picks = chosen(pool, f"similarity_{reference}", 4)
        assert picks[f"similarity_{reference}", "highest", ""] == ranked(cosine, 4)


def test_k_centre_covers_the_groups_before_it_repeats_one(pool: Pool) -> None:
    groups = ["red green blue", "cat dog bird", "sun moon star", "seven eight nine"]
    inputs = tuple(f"{groups[i % 4]} {'x' * (i + 1)}" for i in range(len(pool)))
    picks = chosen(replace(pool, inputs=inputs), "k_centre", 4)["k_centre", "", ""]
    assert {i % 4 for i in picks} == {0, 1, 2, 3}


def test_k_centre_is_the_greedy_farthest_first_traversal(pool: Pool) -> None:
    rows = features(pool.inputs)[0].toarray()
    cosine = rows @ rows.T
    expected = [int(cosine.mean(axis=1).argmax())]
    while len(expected) < 6:
        rest = [i for i in range(len(pool)) if i not in expected]
        expected.append(min(rest, key=lambda i: max(cosine[i, j] for j in expected)))
    assert chosen(pool, "k_centre", 6)["k_centre", "", ""] == expected


def test_random_is_uniform_over_candidates(pool: Pool) -> None:
    (selector,) = create(pool, ["random"])
    generator = np.random.default_rng(2)
    counts = np.bincount(np.concatenate([selector(pool, 10, generator) for _ in range(1500)]), minlength=len(pool))
    assert counts == pytest.approx(np.full(len(pool), 500), abs=90)


@pytest.mark.parametrize(
    ("family", "without", "with_embeddings"),
    [
        ("cone", ["tfidf"], ["embeddings"]),
        ("mdl", ["tfidf"], ["embeddings"]),
        ("vote_k", ["tfidf"], ["embeddings"]),
        ("badge", ["tfidf", "statistics", "hidden"], ["tfidf", "statistics", "hidden", "embeddings"]),
        ("nearest", ["tfidf", "hidden"], ["tfidf", "hidden", "embeddings"]),
    ],
)
def test_what_needs_prompts_of_its_own_compares_by_one_kind_of_features_alone(
    pool: Pool, family: str, without: list[str], with_embeddings: list[str]
) -> None:
    """Of BADGE's prompts, all features have the same; `nearest` has none."""
    for names, expected in (
        (("tfidf", "statistics", "hidden"), without),
        ((*pool.feature_names, "embeddings"), with_embeddings),
    ):
        assert [s.features for s in create(replace(pool, feature_names=names), [family])] == expected
