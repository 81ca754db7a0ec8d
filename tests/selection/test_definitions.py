"""Each selector of the field against its definition, computed another way on a few candidates."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmark.selection import Features, Pool, Selector, create
from benchmark.selection.feature import features_of
from benchmark.selection.graph import neighbours
from benchmark.selection.pool import RandomSets
from benchmark.selection.selectors import badge, dpp, fast_vote_k, ideal, prob_cover
from benchmark.selection.selectors.influence import PENALTY, Datamodel
from tests.selection.conftest import make_pool, rows, run, say

Matrix = NDArray[np.float64]


def selector(pool: Pool, family: str, features: str = "hidden") -> Selector:
    """The family's first member, comparing by `features` if it compares by any."""
    first = next(iter(create(pool, [family])))
    return replace(first, features=features) if first.features else first


def ten() -> Pool:
    return make_pool(10)


def hidden(pool: Pool) -> Matrix:
    return np.asarray(pool.embeddings["hidden"].candidates)


def grouped(sizes: tuple[int, ...], seed: int = 0) -> tuple[Pool, NDArray[np.int64]]:
    """A pool whose hidden features lie in narrow groups far from each other, and each candidate's group."""
    generator = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    centres = np.eye(8)[: len(sizes)]
    points = centres[group] + 0.05 * generator.normal(size=(len(group), 8))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    pool = make_pool(len(group))
    return replace(pool, embeddings={"hidden": replace(pool.embeddings["hidden"], candidates=points)}), group


# --- for each query ---


def test_nearest_neighbours_are_those_of_the_highest_cosine_the_best_last() -> None:
    pool = ten()
    asked = pool.embeddings["hidden"].asked
    assert asked is not None
    for query, chosen in zip(asked, run(selector(pool, "nearest"), pool, 4), strict=True):
        cosine = [math.fsum(a * b for a, b in zip(query, row, strict=True)) for row in hidden(pool)]
        assert chosen.tolist() == sorted(range(10), key=cosine.__getitem__)[-4:]


def test_bm25_is_lucenes_formula() -> None:
    texts = ("red red cat", "cat dog bird sun", "dog", "moon star moon moon cat", "bird")
    queries = ("cat red", "moon bird", "nothing known", "cat")
    words = [text.split() for text in texts]
    length = sum(map(len, words)) / len(words)
    for query, scores in zip(queries, _bm25(texts, queries), strict=True):
        for text, score in zip(words, scores, strict=True):
            expected = 0.0
            for term in query.split():
                df = sum(term in other for other in words)
                tf = text.count(term)
                idf = math.log(1 + (len(words) - df + 0.5) / (df + 0.5))
                expected += idf * tf / (tf + 1.5 * (1 - 0.75 + 0.75 * len(text) / length))
            assert score == pytest.approx(expected, abs=2e-5)


def _bm25(texts: tuple[str, ...], queries: tuple[str, ...]) -> Matrix:
    from benchmark.selection.selectors.bm25 import scores

    return scores(texts, queries)


def test_mdl_takes_the_set_of_the_lowest_entropy() -> None:
    pool = ten()
    chosen = selector(pool, "mdl")
    prompts = chosen.plan(pool, 3, np.random.default_rng([0, 1]))
    assert prompts is not None
    entropies: dict[int, list[tuple[float, list[int]]]] = {}
    for members, query, said in zip(prompts.members.tolist(), prompts.asked.tolist(), say(pool, prompts), strict=True):
        weights = [math.exp(value) for value in said]
        p = [weight / sum(weights) for weight in weights]
        entropies.setdefault(query, []).append((-sum(x * math.log(x) for x in p), members))
    assert [len(entropies[query]) for query in range(6)] == [5] * 6
    assert run(chosen, pool, 3).tolist() == [min(entropies[query])[1] for query in range(6)]


def test_cone_ranks_the_near_candidates_by_the_likelihood_of_the_input() -> None:
    pool = make_pool(40)
    chosen = selector(pool, "cone")
    prompts = chosen.plan(pool, 4, np.random.default_rng([0, 1]))
    assert prompts is not None
    likely: dict[int, list[tuple[float, int]]] = {}
    for (candidate,), query, (said,) in zip(
        prompts.members.tolist(), prompts.asked.tolist(), say(pool, prompts), strict=True
    ):
        likely.setdefault(query, []).append((said, candidate))
    asked = pool.embeddings["hidden"].asked
    assert asked is not None
    for query, picked in enumerate(run(chosen, pool, 4).tolist()):
        near = np.argsort(-(hidden(pool) @ asked[query]))[:30]
        assert {candidate for _, candidate in likely[query]} == set(near.tolist())
        assert picked == [candidate for _, candidate in sorted(likely[query])[-4:]]


# --- graphs ---


@pytest.mark.parametrize("count", [1, 3, 9, 20])
def test_neighbours_are_the_nearest_others(count: int) -> None:
    points = rows(np.random.default_rng(0), 10, 4)
    indices, values = neighbours(points, count)
    for i in range(10):
        others = sorted((j for j in range(10) if j != i), key=lambda j: -float(points[i] @ points[j]))
        assert indices[i].tolist() == others[:count]
        np.testing.assert_allclose(values[i], points[i] @ points[others[:count]].T, atol=1e-9)


def test_fast_vote_k_is_greedy_by_discounted_votes() -> None:
    nearest, _ = neighbours(rows(np.random.default_rng(2), 10, 3), 4)
    chosen: list[int] = []
    for _ in range(6):
        scores = {}
        for u in set(range(10)) - set(chosen):
            supporters = [v for v in range(10) if v not in chosen and u in nearest[v]]
            scores[u] = sum(10.0 ** -sum(int(c in nearest[v]) for c in chosen) for v in supporters)
        best = max(scores.values())
        assert fast_vote_k.vote(nearest, len(chosen) + 1)[-1] in [u for u in scores if abs(scores[u] - best) < 1e-9]
        chosen = fast_vote_k.vote(nearest, len(chosen) + 1).tolist()


def test_a_voter_that_is_covered_counts_a_tenth() -> None:
    nearest = np.array([[1], [0], [1], [1], [5], [4], [5]])
    assert fast_vote_k.scores(nearest, []).tolist() == [1, 3, 0, 0, 1, 2, 0]
    np.testing.assert_allclose(fast_vote_k.scores(nearest, [1]), [0, 0.3, 0, 0, 1, 2, 0])
    assert fast_vote_k.vote(nearest, 2).tolist() == [1, 5]


def test_vote_k_takes_the_most_voted_of_each_part_of_the_confidence() -> None:
    pool = make_pool(23)
    chosen = selector(pool, "vote_k")
    prompts = chosen.plan(pool, 4, np.random.default_rng([0, 1]))
    assert prompts is not None
    (first,) = {tuple(row) for row in prompts.members.tolist()}
    nearest, _ = neighbours(hidden(pool), 150)
    said = np.exp(say(pool, prompts))
    confidence = (said / said.sum(axis=1, keepdims=True)).max(axis=1)
    rest = sorted(set(range(23)) - set(first), key=lambda i: confidence[i])
    expected = list(first)
    for part in np.array_split(rest, 4)[:3]:
        votes = fast_vote_k.scores(nearest, expected)
        best = [i for i in part if votes[i] > votes[part].max() - 1e-9]
        expected.append(int(best[0]))
        assert len(best) == 1 or votes[part].max() == votes[part].min()
    found = run(chosen, pool, 4).tolist()
    for place, part in enumerate(np.array_split(rest, 4)[:3]):
        votes = fast_vote_k.scores(nearest, found[: place + 1])
        assert found[place + 1] in part
        assert votes[found[place + 1]] == pytest.approx(votes[part].max())


@given(st.integers(0, 10_000), st.integers(2, 14))
@settings(max_examples=60)
def test_ideal_reaches_what_a_walk_along_taken_edges_reaches(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    degree = min(3, n - 1)
    nearest = np.stack([generator.permutation([j for j in range(n) if j != i])[:degree] for i in range(n)])
    taken = generator.random(nearest.shape) < 0.4
    bits = ideal.reach(nearest, taken)
    for start in range(n):
        seen, to_do = {start}, [start]
        while to_do:
            node = to_do.pop()
            new = {int(j) for j, live in zip(nearest[node], taken[node], strict=True) if live} - seen
            seen |= new
            to_do += new
        assert set(np.flatnonzero(np.unpackbits(bits[start])[:n])) == seen


def test_ideal_is_greedy_by_what_the_chosen_reach_together() -> None:
    generator = np.random.default_rng(4)
    reached = generator.random((3, 10, 10)) < 0.3
    packed = np.packbits(reached, axis=2)
    chosen = ideal.spread(packed, 5).tolist()
    for step in range(5):
        total = {u: reached[:, [*chosen[:step], u]].any(axis=1).sum() for u in range(10) if u not in chosen[:step]}
        assert total[chosen[step]] == max(total.values())


def test_ideal_takes_an_edge_as_often_as_its_share_of_the_cosines() -> None:
    likeness = np.array([[0.9, 0.3, 0.0], [0.5, 0.5, -0.2], [0.0, 0.0, -0.1]])
    generator = np.random.default_rng(0)
    share = np.asarray(np.mean([ideal.live(likeness, generator) for _ in range(8000)], axis=0), dtype=np.float64)
    expected = np.array([[0.75, 0.25, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(share, expected, atol=0.02)


# --- clusters and coverage ---


def test_k_means_takes_the_candidate_nearest_to_the_mean_of_each_group_the_largest_first() -> None:
    pool, group = grouped((6, 4, 3))
    expected = []
    for g in range(3):
        members = np.flatnonzero(group == g)
        centre = hidden(pool)[members].mean(axis=0)
        expected.append(int(members[np.linalg.norm(hidden(pool)[members] - centre, axis=1).argmin()]))
    assert run(selector(pool, "k_means"), pool, 3).tolist() == expected


def test_typiclust_takes_the_least_distant_of_each_group_the_largest_first() -> None:
    pool, group = grouped((6, 4, 3))
    expected = []
    for g in range(3):
        members = np.flatnonzero(group == g)
        distance = np.linalg.norm(hidden(pool)[members][:, None] - hidden(pool)[members], axis=2)
        expected.append(int(members[distance.sum(axis=1).argmin()]))
    assert run(selector(pool, "typiclust"), pool, 3).tolist() == expected


def test_prob_covers_radius_is_the_largest_with_enough_pure_balls() -> None:
    points = rows(np.random.default_rng(3), 40, 2)
    clusters = (points[:, 0] > 0).astype(np.int64)
    cosine = np.round(points @ points.T, 12)
    least = prob_cover.least_cosine(points, clusters)

    def purity(bound: float) -> float:
        pure = [all(clusters[j] == clusters[i] for j in range(40) if cosine[i, j] > bound) for i in range(40)]
        return float(np.mean(pure))

    larger = max(value for value in np.unique(cosine) if value < least)  # the next larger ball
    assert purity(least) >= 0.95
    assert purity(larger) < 0.95


def test_prob_cover_is_greedy_by_what_is_not_covered_yet() -> None:
    covers = np.random.default_rng(1).random((10, 10)) < 0.25
    np.fill_diagonal(covers, True)
    chosen = prob_cover.cover(covers, 10)
    for step, pick in enumerate(chosen):
        open_ones = ~covers[chosen[:step]].any(axis=0)
        assert (covers[pick] & open_ones).sum() == max((row & open_ones).sum() for row in covers) > 0
    assert covers[chosen].any(axis=0).all()


def test_prob_cover_covers_each_group_once() -> None:
    pool, group = grouped((5, 3, 4))
    found = run(selector(replace(pool, n_choices=3), "prob_cover"), replace(pool, n_choices=3), 3)
    assert group[found].tolist() == [0, 2, 1]


# --- determinants and gradients ---


def test_the_dpp_is_greedy_by_the_determinant() -> None:
    generator = np.random.default_rng(6)
    points, relevance = rows(generator, 10, 6), generator.uniform(-0.2, 0.2, size=10)
    r = np.exp((relevance - relevance.max()) / 0.2)
    kernel = r[:, None] * (points @ points.T + 1) / 2 * r
    chosen = dpp.greedy(points, relevance, 6)
    for step in range(6):
        volume = {
            u: np.linalg.det(kernel[np.ix_([*chosen[:step], u], [*chosen[:step], u])])
            for u in range(10)
            if u not in chosen[:step]
        }
        assert chosen[step] == max(volume, key=volume.__getitem__)


def test_the_dpp_stops_at_the_rank_and_goes_on_by_relevance() -> None:
    points = rows(np.random.default_rng(6), 3, 8)[[0, 1, 2, 0, 1, 2, 0, 1]]
    assert sorted(dpp.greedy(points, np.zeros(8), 8)) == [0, 1, 2]
    pool = make_pool(8)
    known = pool.embeddings["hidden"]
    assert known.queries is not None
    pool = replace(pool, embeddings={"hidden": replace(known, candidates=points)})
    relevance = points @ known.queries.mean(axis=0)
    found = run(selector(pool, "dpp"), pool, 8).tolist()
    assert {tuple(points[i]) for i in found[:3]} == {tuple(point) for point in points[:3]}
    assert relevance[found[3:]].tolist() == pytest.approx(sorted(relevance[found[3:]], reverse=True))


def test_badges_embedding_is_the_gradient_of_the_last_layer() -> None:
    generator = np.random.default_rng(0)
    points, weight = generator.normal(size=(10, 4)), generator.normal(size=(3, 4))
    layer = torch.tensor(weight, requires_grad=True)
    distribution, expected = [], []
    for point in points:
        logits = layer @ torch.tensor(point)
        loss = torch.nn.functional.cross_entropy(logits[None], logits.argmax()[None])
        (gradient,) = torch.autograd.grad(loss, layer)
        distribution.append(logits.softmax(0).detach().numpy())
        expected.append(gradient.numpy().ravel())
    np.testing.assert_allclose(badge.gradients(np.array(distribution), points), expected, atol=1e-12)


def test_badge_draws_by_the_squared_distance_to_the_nearest_chosen() -> None:
    points = np.array([[3.0, 0], [0, 0], [0, 1], [2, 0]])
    distance = ((points - points[0]) ** 2).sum(axis=1)
    second = Counter(badge.seeds(points, 2, np.random.default_rng(seed))[1] for seed in range(4000))
    for i in range(4):
        assert second[i] / 4000 == pytest.approx(distance[i] / distance.sum(), abs=0.03)
    assert all(badge.seeds(points, 1, np.random.default_rng(seed)) == [0] for seed in range(5))  # the longest first


# --- random sets ---


def with_sets(pool: Pool) -> tuple[Pool, list[tuple[tuple[int, ...], float]]]:
    """A pool with random sets of two sizes over all candidates but the last, and each set's mean performance."""
    generator = np.random.default_rng(9)
    sets = tuple(
        RandomSets(np.stack([generator.permutation(9)[:size] for _ in range(25)]), generator.random(size=(25, 12)))
        for size in (2, 3)
    )
    scored = [
        (tuple(members.tolist()), float(np.mean(performance)))
        for each in sets
        for members, performance in zip(each.members, each.performance, strict=True)
    ]
    return replace(pool, random_sets=sets), scored


@pytest.mark.parametrize("name", ["influence", "cond_acc"])
def test_influence_compares_sets_with_and_without(name: str) -> None:
    pool, scored = with_sets(ten())

    def value(i: int) -> float:
        with_it = [performance for members, performance in scored if i in members]
        without = [performance for members, performance in scored if i not in members]
        return float(np.mean(with_it) - (np.mean(without) if name == "influence" else 0))

    found = run(selector(pool, name), pool, 10).tolist()
    assert found == [*sorted(range(9), key=value, reverse=True), 9]  # the last is in no set: nothing is known of it


def test_the_datamodel_is_the_minimum_of_the_lassos_loss() -> None:
    """Its conditions: the residual's covariance with a member is the penalty where it has weight, else no more."""
    pool, scored = with_sets(ten())
    held = np.array([[i in members for i in range(10)] for members, _ in scored])
    performance = np.array([value for _, value in scored])
    weights = Datamodel().estimate(held, performance)
    centred = held - held.mean(axis=0)
    residual = performance - performance.mean() - centred @ weights
    slope = centred.T @ residual / len(scored)
    for weight, each in zip(weights, slope, strict=True):
        if weight:
            assert each == pytest.approx(math.copysign(PENALTY, weight), abs=1e-6)
        else:
            assert abs(each) <= PENALTY + 1e-6
    assert run(selector(pool, "datamodel"), pool, 3).tolist() == np.argsort(-weights)[:3].tolist()


# --- features ---


def test_statistics_are_standardised_and_read_no_label() -> None:
    pool = ten()
    found = features_of(pool, "statistics").candidates
    values = pool.scores[:, pool.masks.index("input")]
    standard = (values - values.mean(axis=0)) / values.std(axis=0)
    np.testing.assert_allclose(found, standard / np.linalg.norm(standard, axis=1, keepdims=True), atol=1e-8)


def test_a_pool_shows_the_judging_queries_to_none_but_those_that_choose_for_each() -> None:
    hidden_part = Features(np.eye(3), np.eye(3), np.eye(3))
    shown = replace(make_pool(3), embeddings={"hidden": hidden_part}).without_asked()
    assert shown.asked_inputs == ()
    assert shown.embeddings["hidden"].asked is None
    assert shown.embeddings["hidden"].queries is not None


def test_a_shuffle_does_not_depend_on_the_pools_order() -> None:
    pool = ten()
    for order in itertools.islice(itertools.permutations(range(10)), 0, 200, 37):
        other = replace(pool, inputs=tuple(pool.inputs[i] for i in order))
        mine, theirs = (each.shuffled(np.random.default_rng(1)) for each in (pool, other))
        assert [pool.inputs[i] for i in mine] == [other.inputs[i] for i in theirs]
