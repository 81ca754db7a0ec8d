"""What every registered selector must keep; a new family is held to it by lying in the folder of selectors."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.selection import Pool, Selector, UndefinedError, create, describe, features, names, selectors
from benchmark.selection.feature import kinds, of_texts
from benchmark.selection.pool import Members
from benchmark.selection.selector import modules
from tests.selection.conftest import make_pool, reordered, rows, run


def made(pool: Pool, family: str) -> list[Selector]:
    selectors = list(create(pool, [family]))
    assert selectors
    return selectors


def pick(selector: Selector, pool: Pool, k: int, seed: int = 0, labels: str = "") -> list[list[int]]:
    """The lists that the selector chooses: one, or one for each query, there with the most preferred last."""
    chosen = run(selector, pool, k, seed, labels)
    assert chosen.dtype == np.int64
    each = selector.needs.queries == "each"
    assert chosen.shape == ((len(pool.asked_inputs), k) if each else (k,))
    return [[int(i) for i in row] for row in np.atleast_2d(chosen)]


def asks(selector: Selector) -> bool:
    return selector.count_prompts(10, 10) > 0


def follows_the_candidates(selector: Selector, pool: Pool, order: NDArray[np.int64], k: int) -> bool:
    """Whether the choice is the same when the candidates stand in another order, or differs by ties alone.

    Where candidates tie, the generator decides; over many of them, the same candidates must come up.
    """
    other = reordered(pool, order)

    def both(seed: int) -> tuple[list[list[int]], list[list[int]]]:
        return [order[row].tolist() for row in pick(selector, other, k, seed)], pick(selector, pool, k, seed)

    there, here = both(0)
    if there == here:
        return True
    over_seeds = [both(seed) for seed in range(100)]
    return all(
        {i for there, _ in over_seeds for i in there[q]} == {i for _, here in over_seeds for i in here[q]}
        for q in range(len(here))
    )


@pytest.mark.parametrize("family", names())
class TestEveryFamily:
    def test_picks_k_distinct_candidates_of_the_pool(self, family: str, pool: Pool) -> None:
        for selector in made(pool, family):
            for k in (1, 4, 8, len(pool)):
                for chosen in pick(selector, pool, k):
                    assert len(chosen) == len(set(chosen)) == k
                    assert set(chosen) <= set(range(len(pool)))

    def test_is_deterministic_given_the_generator_and_leaves_the_pool_alone(self, family: str, pool: Pool) -> None:
        assert pool.gain is not None
        before = (pool.scores.copy(), pool.gain.copy(), pool.perplexity.copy())
        for selector in made(pool, family):
            assert pick(selector, pool, 6) == pick(selector, pool, 6)
        for kept, array in zip(before, (pool.scores, pool.gain, pool.perplexity), strict=True):
            np.testing.assert_array_equal(kept, array)

    def test_a_smaller_choice_is_the_preferred_part_of_a_larger_one(self, family: str, pool: Pool) -> None:
        for selector in made(pool, family):
            if selector.nested:
                part = slice(-3, None) if selector.needs.queries == "each" else slice(3)
                assert [row[part] for row in pick(selector, pool, 8)] == pick(selector, pool, 3)

    def test_ignores_the_order_of_candidates(self, family: str, pool: Pool) -> None:
        order = np.random.default_rng(3).permutation(len(pool))
        for selector in made(pool, family):
            assert follows_the_candidates(selector, pool, order, 5)

    def test_says_whether_it_needs_a_label(self, family: str, pool: Pool) -> None:
        """A selector that needs none picks the same when everything a label could have touched changes."""
        assert pool.gain is not None
        labelled = [i for i, mask in enumerate(pool.masks) if mask not in pool.unlabelled_masks]
        scores = pool.scores.copy()
        scores[:, labelled] = scores[::-1][:, labelled]
        sets = tuple(replace(each, performance=each.performance[::-1]) for each in pool.random_sets)
        changed = replace(pool, scores=scores, gain=pool.gain[::-1], random_sets=sets)
        for selector in made(pool, family):
            assert (pick(selector, pool, 5) != pick(selector, changed, 5, labels="others")) == selector.needs.labels

    def test_says_which_queries_it_needs(self, family: str, pool: Pool) -> None:
        assert pool.gain is not None
        hidden = pool.embeddings["hidden"]
        assert hidden.queries is not None
        assert hidden.asked is not None
        aside = replace(
            pool,
            query_inputs=("seven eight nine",),
            gain=pool.gain[::-1],
            random_sets=tuple(replace(each, performance=each.performance[::-1]) for each in pool.random_sets),
            embeddings={"hidden": replace(hidden, queries=-hidden.queries)},
        )
        judging = replace(
            pool,
            asked_inputs=tuple(reversed(pool.asked_inputs)),
            embeddings={"hidden": replace(hidden, asked=hidden.asked[::-1])},
        )
        for selector in made(pool, family):
            first = pick(selector, pool, 5)
            assert (pick(selector, aside, 5) != first) == (selector.needs.queries == "set_aside")
            assert (pick(selector, judging, 5) != first) == (selector.needs.queries == "each")

    def test_says_which_features_it_reads(self, family: str) -> None:
        pool = make_pool(200)  # more than all neighbours that a selector looks at
        hidden = pool.embeddings["hidden"]
        other = rows(np.random.default_rng(8), len(pool), 8)
        changed = replace(pool, embeddings={"hidden": replace(hidden, candidates=other)})
        for selector in made(pool, family):
            assert (pick(selector, pool, 5) != pick(selector, changed, 5)) == (selector.features == "hidden")

    def test_by_features_of_texts_it_chooses_the_same_whatever_the_model(self, family: str, pool: Pool) -> None:
        """Unless it asks the model: the stage `rounds` has the models share what it labels."""
        hidden = pool.embeddings["hidden"]
        of_other_model = replace(
            pool,
            scores=pool.scores[::-1],
            perplexity=pool.perplexity[::-1],
            predictive_entropy=pool.predictive_entropy[::-1],
            embeddings={"hidden": replace(hidden, candidates=hidden.candidates[::-1])},
            dictionaries={},
        )
        for selector in made(pool, family):
            if of_texts(selector.features) and not asks(selector):
                assert pick(selector, pool, 5) == pick(selector, of_other_model, 5)

    def test_says_how_many_prompts_it_needs(self, family: str, pool: Pool) -> None:
        for selector in made(pool, family):
            prompts = selector.plan(pool, 4, np.random.default_rng(0))
            said = selector.count_prompts(len(pool), len(pool.asked_inputs))
            assert said == (0 if prompts is None else len(prompts.asked))
            if prompts is not None:
                assert prompts.members.shape[:1] == prompts.asked.shape
                asked = pool.inputs if prompts.of == "pool" else pool.asked_inputs
                assert set(prompts.asked.tolist()) <= set(range(len(asked)))

    def test_refuses_a_k_that_the_pool_cannot_fill(self, family: str, pool: Pool) -> None:
        for selector in made(pool, family):
            for k in (0, len(pool) + 1):
                with pytest.raises(BenchmarkError, match="set shots between 1 and 30"):
                    run(selector, pool, k)
                with pytest.raises(BenchmarkError, match="set shots between 1 and 30"):
                    selector(replace(pool, answers=np.zeros((1, 3))), k, np.random.default_rng(0))

    def test_is_described_in_one_line(self, family: str, pool: Pool) -> None:
        assert 10 < len(describe()[family]) < 110

    def test_chooses_from_duplicates(self, family: str) -> None:
        """Three texts, ten times each: k distinct candidates, and each of the texts can come up."""
        three = [f"text {i} {word}" for i, word in enumerate(("red green", "cat dog bird", "sun moon"))]
        base = make_pool(30)
        kinds_of_three = rows(np.random.default_rng(1), 3, 8)[np.arange(30) % 3]
        pool = replace(
            base,
            inputs=tuple(three[i % 3] for i in range(30)),
            scores=base.scores[np.arange(30) % 3],
            embeddings={"hidden": replace(base.embeddings["hidden"], candidates=kinds_of_three)},
            dictionaries=base.take(np.arange(30) % 3).dictionaries,
        )
        for selector in made(pool, family):
            for k in (2, 8, 30):
                assert all(len(set(chosen)) == k for chosen in pick(selector, pool, k))

    def test_a_constant_feature_is_undefined(self, family: str) -> None:
        base = make_pool(12)
        hidden = replace(base.embeddings["hidden"], candidates=np.tile(rows(np.random.default_rng(0), 1, 8), (12, 1)))
        pool = replace(
            base,
            inputs=("the same",) * 12,
            scores=np.ones_like(base.scores),
            embeddings={"hidden": hidden},
            dictionaries=base.take(np.zeros(12, dtype=np.int64)).dictionaries,
        )
        for selector in made(pool, family):
            if selector.features or selector.name == "bm25":
                with pytest.raises(UndefinedError, match=r"same for every candidate|differs between candidates"):
                    run(selector, pool, 3)

    def test_equal_distances_prefer_no_place_in_the_pool(self, family: str) -> None:
        """Where all candidates are as far from each other, the first choice is not always the same place."""
        base = make_pool(8)
        hidden = replace(base.embeddings["hidden"], candidates=np.eye(8))
        pool = replace(base, inputs=tuple(f"word{i}" for i in range(8)), embeddings={"hidden": hidden})
        for selector in made(pool, family):
            if selector.features in ("tfidf", "hidden") and selector.needs.queries == "none" and not asks(selector):
                try:
                    first = {pick(selector, pool, 2, seed)[0][0] for seed in range(40)}
                except UndefinedError:
                    continue  # it says so: as good as a fair draw
                assert len(first) > 2, selector

    def test_takes_all_of_the_smallest_pools_or_says_that_it_cannot(self, family: str) -> None:
        for n in (1, 2):
            pool = make_pool(n)
            for selector in made(pool, family):
                try:
                    lists = pick(selector, pool, n)
                except UndefinedError:
                    continue
                assert all(sorted(chosen) == list(range(n)) for chosen in lists)


@dataclass(frozen=True, kw_only=True)
class Tied(Selector):
    """Half of the candidates, those with an even number in their text, are as good as each other."""

    name: str = "tied"
    fair: bool

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        even = np.array([int(text.split()[1]) % 2 == 0 for text in pool.inputs])
        ties = generator.permutation(len(pool)) if self.fair else np.arange(len(pool))
        return np.lexsort((ties, ~even))[:k].astype(np.int64)


def test_the_contract_allows_fair_ties_and_no_others(pool: Pool) -> None:
    order = np.random.default_rng(3).permutation(len(pool))
    assert follows_the_candidates(Tied(fair=True), pool, order, 5)
    assert not follows_the_candidates(Tied(fair=False), pool, order, 5)


def test_every_file_registers_a_family() -> None:
    files = {f"{selectors.__name__}.{module.name}" for module in pkgutil.iter_modules(selectors.__path__)}
    assert files == set(modules().values())


def test_every_file_registers_features() -> None:
    files = {f"{features.__name__}.{module.name}" for module in pkgutil.iter_modules(features.__path__)}
    assert files == {kind.compute.__module__ for kind in kinds().values()}


def test_no_two_selectors_share_a_row(pool: Pool) -> None:
    everything = [(s.name, s.mask, s.direction, s.features) for s in create(pool)]
    assert len(set(everything)) == len(everything)


def test_an_unknown_family_or_feature_suggests_the_nearest(pool: Pool) -> None:
    with pytest.raises(BenchmarkError, match="unknown selector 'orcale': did you mean 'oracle'"):
        list(create(pool, ["orcale"]))
    with pytest.raises(BenchmarkError, match="unknown features 'tfdif': did you mean 'tfidf'"):
        list(create(replace(pool, feature_names=("tfdif",)), ["k_means"]))
