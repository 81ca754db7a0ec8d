"""Too few candidates, or too few that can be compared, neither refute nor reproduce, whatever chance makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from benchmark.analysis.evaluation import Evaluation, evaluate_one
from benchmark.analysis.parameters import AS_STATED, GIVEN_TARGET, ClaimParameters
from benchmark.analysis.resampling import FEWEST
from benchmark.analysis.simulation import Scenario, simulate
from benchmark.analysis.tables import family
from benchmark.analysis.words import sentence
from benchmark.artefacts.cells import Cells

Method = Literal["bootstrap", "fisher"]
PAIRS = (0.1,) * 10
SCENARIO = Scenario("few", models=1, datasets=1, masks=4, statistics=7)


def judged(pools: list[Cells], claim: str, intervals: Method = "bootstrap") -> Evaluation:
    settings = {"permutations": 199, "bootstrap": 60, "splits": 4, "intervals": intervals}
    parameters = ClaimParameters.model_validate({"families": {"all": SCENARIO.family()}, "headline": "all", **settings})
    return evaluate_one(pools, parameters, claim)["all"]


def pool(n: int, shares: tuple[float, ...] = (1.0,), seed: int = 0) -> Cells:
    (made,) = simulate(replace(SCENARIO, n=n, shares=shares), np.random.default_rng(seed))
    return made


def perfect(cells: Cells) -> Cells:
    """The same, and its first score is the quality itself."""
    scores = cells.scores.copy()
    scores[:, 0] = cells.outcome("quality")
    return replace(cells, scores=scores)


@pytest.mark.parametrize("intervals", ["bootstrap", "fisher"])
@pytest.mark.parametrize(
    ("n", "shares", "claim"),
    [
        (4, (1.0,), AS_STATED),
        (6, (1.0,), AS_STATED),
        (6, (1.0,), GIVEN_TARGET),
        (6, (1 / 3,) * 3, GIVEN_TARGET),
        (6, (0.5, 0.5), GIVEN_TARGET),
        (20, PAIRS, GIVEN_TARGET),
    ],
    ids=["four", "six", "six of one target", "three pairs", "two threes", "ten pairs"],
)
def test_few_candidates_show_nothing(n: int, shares: tuple[float, ...], claim: str, intervals: Method) -> None:
    """A score that agrees with the quality wherever it can has a bootstrap error of 0, and chance makes such scores."""
    for seed in range(3):
        evaluation = judged([perfect(pool(n, shares, seed))], claim, intervals)
        assert evaluation.max_abs_rho() == pytest.approx(1)
        assert evaluation.verdict == "inconclusive"
        assert "too few for an interval, which takes 20" in sentence(evaluation)
        assert not any(control.passed is False for control in evaluation.controls)
        assert evaluation.sensitivity[0].n_needed > 100  # type: ignore[operator]
        table = family(evaluation)
        assert table[["ci_low", "simultaneous_high", "lower_limit"]].isna().all(axis=None)
        assert table["rho"].notna().all()


@pytest.mark.parametrize("claim", [AS_STATED, GIVEN_TARGET])
def test_one_candidate_more_and_the_quality_itself_refutes(claim: str) -> None:
    assert judged([perfect(pool(FEWEST - 1))], claim).verdict == "inconclusive"
    assert judged([perfect(pool(FEWEST))], claim).verdict == "refuted"


def test_pairs_are_counted_and_not_candidates() -> None:
    pairs = FEWEST - 1  # each is worth one candidate, and a pool's mean another
    enough, few = (judged([perfect(pool(2 * k, (1 / k,) * k))], GIVEN_TARGET) for k in (pairs, pairs - 1))
    assert (enough.pools[0].n, few.pools[0].n) == (FEWEST, FEWEST - 1)
    assert (enough.verdict, few.verdict) == ("refuted", "inconclusive")


@pytest.mark.parametrize("claim", [AS_STATED, GIVEN_TARGET])
def test_a_small_pool_hides_no_refutation_by_a_large_one_and_forbids_that_the_claim_is_reproduced(claim: str) -> None:
    large = replace(pool(600), dataset="large")
    assert judged([large], claim).verdict == "reproduced"
    assert judged([large, pool(6)], claim).verdict == "inconclusive"
    assert judged([perfect(large), pool(6)], claim).verdict == "refuted"


@pytest.mark.parametrize("claim", [AS_STATED, GIVEN_TARGET])
def test_one_candidate_that_differs_in_score_and_outcome_is_luck(claim: str) -> None:
    """Of 100 candidates one is worse, and each score is 1 for one of them: that one of 28 meets it is no evidence."""
    made = pool(100)
    gain = np.ones_like(made.gain)
    gain[0] = 0.0
    scores = np.zeros_like(made.scores)
    scores[np.arange(28), np.arange(28)] = 1.0
    evaluation = judged([replace(made, gain=gain, scores=scores)], claim)
    assert evaluation.max_abs_rho() == pytest.approx(1)
    assert evaluation.errors.standard_errors[0][0, 0] == pytest.approx(0, abs=1e-9)
    assert evaluation.largest_lower_limit() == 0
    assert evaluation.verdict != "refuted"


def test_scores_that_are_the_target_alone_reproduce_nothing_given_the_target() -> None:
    made = pool(600, (0.5, 0.5))
    scores = np.repeat(made.target[:, None], made.scores.shape[1], axis=1).astype(np.float32)
    evaluation = judged([replace(made, scores=scores)], GIVEN_TARGET)
    assert all(s.sensitive for s in evaluation.sensitivity)
    assert evaluation.verdict == "inconclusive"
    assert "no score differs among them" in sentence(evaluation)


def test_a_pool_whose_targets_cannot_be_held_fixed_leaves_the_verdict_to_the_others() -> None:
    other = replace(pool(600, seed=1), dataset="other", target_problem="nearly all targets differ")
    evaluation = judged([pool(600), other], GIVEN_TARGET)
    assert evaluation.uncovered == {other.name: "nearly all targets differ"}
    assert evaluation.verdict == "reproduced"
