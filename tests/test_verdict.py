"""The verdict on record, in a few lines: where power is low it says how low, and what it would take."""

from __future__ import annotations

from typing import Any

from benchmark.verdict import power

CLAIM = {"bound": 0.33, "planted_rho": 0.6}


def family(*weak: dict[str, Any]) -> dict[str, Any]:
    strong = {"insensitive": [], "sensitive_pools": {"quality": 3, "performance": 2}}
    return {"as_stated": strong | {"insensitive": list(weak)}, "given_target": strong}


def pool(dataset: str, n_needed: int | None, limit: float | None = 0.213) -> dict[str, Any]:
    return {"model": "m", "dataset": dataset, "outcome": "quality", "n": 40, "n_needed": n_needed, "limit": limit}


def test_nothing_is_said_where_power_is_enough() -> None:
    assert power(family(), CLAIM) == []


def test_the_weakest_pool_says_its_limit_the_bound_and_the_n_it_would_take() -> None:
    assert power(family(pool("a", 290), pool("b", 1_450), pool("c", 300)), CLAIM) == [
        (
            "power",
            "too low as stated in 3 of 8 combinations of model, task and outcome; the weakest: m, b, quality, n = 40, "
            "about 1,450 are needed, lower limit of a score planted at 0.6: 0.21 (bound 0.33)",
        )
    ]


def test_no_number_may_be_enough_and_no_score_may_have_been_planted() -> None:
    ((_, line),) = power(family(pool("a", 290), pool("b", None, None)), CLAIM)
    assert line.endswith("the weakest: m, b, quality, n = 40, no number is enough")
