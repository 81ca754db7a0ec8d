"""Targets that cannot be held fixed: each is undefined or refused, with its reason, and never a silent 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.analysis.decomposition import decomposition
from benchmark.analysis.evaluation import Evaluation, evaluate
from benchmark.analysis.parameters import AS_STATED, GIVEN_TARGET, ClaimParameters
from benchmark.analysis.simulation import Scenario, simulate
from benchmark.analysis.tables import all_tables
from benchmark.analysis.targets import identify
from benchmark.analysis.words import sentence
from benchmark.artefacts.cells import Cells
from benchmark.errors import BenchmarkError
from benchmark.tasks.example import Example

N = 80
SCENARIO = Scenario("one pool", n=N, models=1, datasets=1, masks=1, statistics=3)
PARAMETERS = ClaimParameters.model_validate(
    {
        "families": {"all": SCENARIO.family()},
        "headline": "all",
        "permutations": 99,
        "bootstrap": 50,
        "splits": 4,
    }
)


def example(i: int, target: str, label: str = "") -> Example:
    return Example(f"input {i}", target, references=(target,), label=label, id=f"c{i}")


def cells(pool: list[Example]) -> Cells:
    (simulated,) = simulate(SCENARIO, np.random.default_rng(0))
    found = identify(pool, pool[: simulated.gain.shape[1]])
    return replace(simulated, target=found.pool, query_target=found.queries, target_problem=found.problem)


def judged(pool: Cells) -> dict[str, Evaluation]:
    return {claim: found for (_, claim), found in evaluate([pool], PARAMETERS).items()}


DIFFERENT = [example(i, f" {i}") for i in range(N)]
ONE_A_LABEL = [example(i, f" {i}", label=f"label {i}") for i in range(N)]
HALF_ALONE = [example(i, f" {i if i > 30 else i // 2}") for i in range(N)]
DISAGREE = [example(i, f" {i % 2}", label=f"{i % 3}") for i in range(N)]


@pytest.mark.parametrize(
    ("pool", "reason"),
    [
        (DIFFERENT, "nearly all targets differ: 80 of 80 candidates have one of their own"),
        (ONE_A_LABEL, "nearly all targets differ: 80 of 80 candidates have one of their own"),
        (HALF_ALONE, "nearly all targets differ: 50 of 80 candidates have one of their own"),
        (DISAGREE, "label and target disagree: ' 0' has the labels 0, 1, 2"),
    ],
    ids=["all different", "one candidate a target", "most different", "label and target disagree"],
)
def test_what_cannot_be_held_fixed_is_undefined_for_its_reason(pool: list[Example], reason: str) -> None:
    made = cells(pool)
    by_claim = judged(made)
    given = by_claim[GIVEN_TARGET]
    assert np.isnan(given.rho[0]).all()
    assert given.uncovered == {made.name: reason}
    assert given.verdict == "inconclusive"
    assert reason in sentence(given)
    np.testing.assert_array_equal(np.isfinite(by_claim[AS_STATED].rho[0]), True)  # that claim is tested all the same
    tables = all_tables({("all", claim): evaluation for claim, evaluation in by_claim.items()})
    family = tables["family.csv"]
    rows = family[family["claim"] == GIVEN_TARGET]
    assert (rows["undefined"] == reason).all()
    assert rows[["rho", "ci_low", "ci_high", "lower_limit", "p_value"]].isna().all(axis=None)
    assert (family["target_alone"] == 0).all()
    assert decomposition([made], PARAMETERS)["note"].str.contains(reason, regex=False).all()


def test_one_target_for_all_holds_nothing_fixed_and_both_claims_are_one() -> None:
    made = cells([example(i, " same") for i in range(N)])
    by_claim = judged(made)
    np.testing.assert_array_equal(by_claim[GIVEN_TARGET].rho[0], by_claim[AS_STATED].rho[0])
    parts = decomposition([made], PARAMETERS)
    assert parts["note"].tolist() == ["no query is matched better than another"] * len(parts)
    assert parts["matching_of_matrix"].isna().all()


@pytest.mark.parametrize("target", ["", " ", "\n"])
def test_an_empty_target_is_refused(target: str) -> None:
    with pytest.raises(BenchmarkError, match="example c3 has an empty target"):
        example(3, target)
