"""Draws depend on the seed and the purpose, and on nothing else."""

from __future__ import annotations

import doctest

from hypothesis import given
from hypothesis import strategies as st

import benchmark.errors
from benchmark.seeds import generator, seeds


@given(st.integers(0, 2**32), st.text(max_size=8), st.text(max_size=8))
def test_same_purpose_same_draws_other_purpose_others(seed: int, one: str, other: str) -> None:
    draws = generator(seed, one).integers(2**62)
    assert draws == generator(seed, one).integers(2**62)
    assert draws != generator(seed + 1, one).integers(2**62)
    assert (draws == generator(seed, other).integers(2**62)) == (one == other)


def test_the_words_of_a_purpose_do_not_run_together() -> None:
    assert generator(0, "ab", "c").integers(2**62) != generator(0, "a", "bc").integers(2**62)


def test_seeds_are_found_at_every_depth() -> None:
    assert seeds({"seed": 1, "models": {"m": {"seed": 2, "x": 3}}}) == {"seed": 1, "models.m.seed": 2}


def test_the_example_of_an_unknown_name_is_true() -> None:
    assert doctest.testmod(benchmark.errors).failed == 0
