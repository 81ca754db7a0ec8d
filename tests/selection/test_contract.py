"""What every registered selector must keep; a new family is held to it by being registered."""

from __future__ import annotations

import pkgutil
from dataclasses import replace

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from benchmark.selection import Pool, Selector, create, describe, names
from benchmark.selection import selectors as folder
from benchmark.selection.selector import modules
from tests.selection.conftest import reordered


def selectors(pool: Pool, family: str) -> list[Selector]:
    made = list(create(pool, [family]))
    assert made
    return made


def pick(selector: Selector, pool: Pool, k: int, seed: int = 0) -> list[int]:
    chosen = selector(pool, k, np.random.default_rng(seed))
    assert chosen.dtype == np.int64
    return [int(i) for i in chosen]


@pytest.mark.parametrize("family", names())
class TestEveryFamily:
    def test_picks_k_distinct_candidates_of_the_pool(self, family: str, pool: Pool) -> None:
        for selector in selectors(pool, family):
            for k in (1, 4, 8, len(pool)):
                chosen = pick(selector, pool, k)
                assert len(chosen) == len(set(chosen)) == k
                assert set(chosen) <= set(range(len(pool)))

    def test_is_deterministic_given_the_generator_and_leaves_the_pool_alone(self, family: str, pool: Pool) -> None:
        before = (pool.scores.copy(), pool.gain.copy(), pool.perplexity.copy())
        for selector in selectors(pool, family):
            assert pick(selector, pool, 6) == pick(selector, pool, 6)
        for kept, array in zip(before, (pool.scores, pool.gain, pool.perplexity), strict=True):
            np.testing.assert_array_equal(kept, array)

    def test_prefers_in_order_so_that_a_smaller_choice_begins_a_larger_one(self, family: str, pool: Pool) -> None:
        for selector in selectors(pool, family):
            assert pick(selector, pool, 8)[:3] == pick(selector, pool, 3)

    def test_ignores_the_order_of_candidates(self, family: str, pool: Pool) -> None:
        order = np.random.default_rng(3).permutation(len(pool))
        for selector in selectors(pool, family):
            if selector.name == "random":
                continue  # every candidate ties with every other
            assert order[pick(selector, reordered(pool, order), 5)].tolist() == pick(selector, pool, 5)

    def test_says_whether_it_needs_a_label(self, family: str, pool: Pool) -> None:
        """A selector that needs none picks the same when everything a label could have touched changes."""
        labelled = [i for i, mask in enumerate(pool.masks) if mask not in pool.unlabelled_masks]
        scores = pool.scores.copy()
        scores[:, labelled] = scores[::-1][:, labelled]
        changed = replace(pool, scores=scores, gain=pool.gain[::-1])
        for selector in selectors(pool, family):
            assert (pick(selector, pool, 5) != pick(selector, changed, 5)) == selector.needs_label

    def test_refuses_a_k_that_the_pool_cannot_fill(self, family: str, pool: Pool) -> None:
        for selector in selectors(pool, family):
            for k in (0, len(pool) + 1):
                with pytest.raises(BenchmarkError, match="set shots between 1 and 30"):
                    pick(selector, pool, k)

    def test_is_described_in_one_line(self, family: str, pool: Pool) -> None:
        assert 10 < len(describe()[family]) < 100


def test_every_file_registers_a_family() -> None:
    files = {f"{folder.__name__}.{module.name}" for module in pkgutil.iter_modules(folder.__path__)}
    assert files == set(modules().values())


def test_every_statistic_mask_and_direction_is_a_selector_of_its_own(pool: Pool) -> None:
    made = [(s.name, s.mask, s.direction) for s in create(pool, ["activation"])]
    assert len(set(made)) == len(made) == 3 * 2 * 2
    everything = [(s.name, s.mask, s.direction) for s in create(pool)]
    assert len(set(everything)) == len(everything)


def test_an_unknown_family_suggests_the_nearest(pool: Pool) -> None:
    with pytest.raises(BenchmarkError, match="unknown selector 'orcale': did you mean 'oracle'"):
        list(create(pool, ["orcale"]))
