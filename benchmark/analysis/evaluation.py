"""The claim put to the test: from cells to statements and verdicts. Tables and files are made elsewhere.

It is tested twice, `as_stated` (all candidates compared with one another) and `given_target` (candidates compared with
those that have the same target), and in each declared family. All of it comes from the same cells and the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.analysis.controls import Control, PlantedScores, score_controls, too_few
from benchmark.analysis.correlation import n_distinct
from benchmark.analysis.equivalence import detection_power, smallest_n
from benchmark.analysis.parameters import (
    AS_STATED,
    CLAIMS,
    GIVEN_TARGET,
    ClaimParameters,
    FamilyParameters,
    Outcome,
    Verdict,
)
from benchmark.analysis.ranking import Ranking, rank
from benchmark.analysis.reliability import Reliability, split_half
from benchmark.analysis.resampling import (
    FEWEST,
    Chosen,
    Errors,
    Null,
    Resampled,
    bootstrap_errors,
    bootstrap_rho,
    fisher_errors,
    formula_error,
    lower_limit,
    permutation_null,
)
from benchmark.analysis.spearman import Floats
from benchmark.analysis.strata import by_target, everybody
from benchmark.analysis.verdict import decide
from benchmark.artefacts.cells import Cells
from benchmark.errors import BenchmarkError
from benchmark.seeds import generator
from benchmark.workers import in_forks


@dataclass(frozen=True)
class Pool:
    """One pool under one claim: its cells, its ranks, and why the claim cannot be tested here, or nothing."""

    cells: Cells
    outcomes: tuple[Outcome, ...]
    ranking: Ranking
    problem: str = ""

    @property
    def rho(self) -> Floats:
        return self.ranking.rho

    @property
    def n(self) -> int:
        return self.ranking.n

    @cached_property
    def n_distinct(self) -> NDArray[np.int64]:
        """How many different values each score has: [column]."""
        return n_distinct(self.cells.scores)

    @cached_property
    def target_alone(self) -> NDArray[np.bool_]:
        """Which scores [column] vary, but not among candidates with the same target: they say which target, no more."""
        if self.cells.target_problem:
            return np.zeros(len(self.cells.columns), dtype=bool)
        scores = np.where(np.isfinite(self.cells.scores), self.cells.scores, 0)
        alone: NDArray[np.bool_] = ~by_target(self.cells.target).rank(scores.T).any(axis=1) & (self.n_distinct > 1)
        return alone


def make_pool(cells: Cells, outcomes: tuple[Outcome, ...], claim: str) -> Pool:
    """The pool ranked as `claim` has it."""
    strata, problem = everybody(cells.n), ""
    if claim == GIVEN_TARGET:
        strata, problem = by_target(cells.target), cells.target_problem
    measured = np.stack([cells.outcome(outcome) for outcome in outcomes])
    return Pool(cells, outcomes, rank(np.ascontiguousarray(cells.scores.T), measured, strata, problem), problem)


class Sensitivity(NamedTuple):
    """Whether one outcome of one pool could have shown a correlation above the bound, and if not, why.

    `n_needed`: candidates with which the power would be enough, None where no number is. `limit`: the lower limit of
    the score that was planted there.
    """

    pool: Cells
    outcome: Outcome
    n: int
    reliability: Reliability
    expected_rho: float
    power: float
    n_needed: int | None
    reason: str
    limit: float = float("nan")

    @property
    def sensitive(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class Evaluation:
    """One family under one claim: its correlations with what chance, sampling and controls say of them.

    Lists are parallel to `pools`; `chosen` marks the family's cells in each, bool [column, outcome].
    """

    name: str
    claim: str
    family: FamilyParameters
    parameters: ClaimParameters
    pools: list[Pool]
    chosen: list[Chosen]
    null: Null
    errors: Errors
    controls: list[Control]
    sensitivity: list[Sensitivity]
    verdict: Verdict = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", self.decide())

    @cached_property
    def rho(self) -> list[Floats]:
        """Rho of the family's cells [column, outcome]; NaN for those of others."""
        return [np.where(own, pool.rho, np.nan) for pool, own in zip(self.pools, self.chosen, strict=True)]

    @cached_property
    def defined(self) -> bool:
        """Whether any cell of the family has a rho."""
        return not all(np.isnan(rho).all() for rho in self.rho)

    @cached_property
    def largest(self) -> tuple[int, int, int]:
        """Pool, column and outcome of the largest |rho|; the first of equals."""
        best = [np.where(np.isnan(rho), -1, np.abs(rho)) for rho in self.rho]
        p = int(np.argmax([b.max() for b in best]))
        column, outcome = np.unravel_index(int(best[p].argmax()), best[p].shape)
        return p, int(column), int(outcome)

    @cached_property
    def lower_limits(self) -> list[Floats]:
        """Simultaneous lower limits of |rho|: [column, outcome]."""
        cells = zip(self.rho, self.errors.standard_errors, self.chance, strict=True)
        return [lower_limit(rho, error, self.errors.critical, chance) for rho, error, chance in cells]

    @cached_property
    def chance(self) -> Floats:
        """`Null.reached`: [pool]."""
        return self.null.reached([pool.n for pool in self.pools], self.parameters.alpha)

    def max_abs_rho(self, outcome: str | None = None) -> float:
        """The largest |rho| of all outcomes, or of one; 0 where none is defined."""
        return max(float(np.nanmax(np.abs(part), initial=0.0)) for part in self._parts(self.rho, outcome))

    def largest_lower_limit(self, outcome: str | None = None) -> float:
        return max(float(np.nanmax(part, initial=0.0)) for part in self._parts(self.lower_limits, outcome))

    def _parts(self, arrays: list[Floats], outcome: str | None) -> list[Floats]:
        at = slice(None) if outcome is None else [self.pools[0].outcomes.index(outcome)]
        return [array[:, at] for array in arrays]

    def maxima(self, outcome: str | None = None) -> Floats:
        """The largest |rho| of each permutation [permutation], of all outcomes or of one."""
        at = slice(None) if outcome is None else [self.pools[0].outcomes.index(outcome)]
        largest: Floats = self.null.maxima[:, :, at].max(axis=(1, 2))
        return largest

    def null_quantile(self, outcome: str | None = None) -> float:
        """The 1 - alpha quantile of `maxima`."""
        return float(np.quantile(self.maxima(outcome), 1 - self.parameters.alpha, method="higher"))

    @property
    def uncovered(self) -> dict[str, str]:
        """Pools that this claim cannot be tested on, and why: {pool: reason}."""
        return {pool.cells.name: pool.problem for pool in self.pools if pool.problem}

    def sensitive(self, outcome: str | None = None) -> bool:
        """Statement 4: a cell is defined, every pool that is covered could have shown it, and no control failed."""
        own = [s for s in self.sensitivity if outcome in (None, s.outcome)]
        controls = [c for c in self.controls if outcome is None or c.outcome in (outcome, "")]
        failed = any(control.passed is False for control in controls)
        defined = any(np.isfinite(part).any() for part in self._parts(self.rho, outcome))
        return defined and bool(own) and all(s.sensitive for s in own) and not failed

    def decide(self, outcome: str | None = None) -> Verdict:
        """The verdict on all outcomes, or on one alone with the family's critical value, which is the stricter one."""
        return decide(
            self.max_abs_rho(outcome),
            self.largest_lower_limit(outcome),
            self.null_quantile(outcome),
            self.sensitive(outcome),
            self.parameters.bound,
        )


def evaluate(
    every: Sequence[Cells], parameters: ClaimParameters, massive: Sequence[Control] = ()
) -> dict[tuple[str, str], Evaluation]:
    """{(family, claim): its evaluation} of the cells of `every` pool; `massive` are controls that needed a model.

    Raises `BenchmarkError` where no cell has a rho as the claim is stated.
    """
    found = in_forks(partial(evaluate_one, every, parameters, massive=massive), CLAIMS)
    by_claim = dict(zip(CLAIMS, found, strict=True))
    if not any(made.defined for made in by_claim[AS_STATED].values()):
        raise BenchmarkError("no declared cell has a rho: every score or outcome is constant or not finite")
    return {(name, claim): by_claim[claim][name] for name in parameters.families for claim in CLAIMS}


def evaluate_one(
    every: Sequence[Cells], parameters: ClaimParameters, claim: str, massive: Sequence[Control] = ()
) -> dict[str, Evaluation]:
    """{family: its evaluation} under one claim."""
    outcomes = parameters.outcomes
    pools = [make_pool(cells, outcomes, claim) for cells in every]
    families = {name: [declared_cells(pool, family) for pool in pools] for name, family in parameters.families.items()}
    planted = [PlantedScores.make(p.ranking, p.cells.name, outcomes, parameters, claim) for p in pools]
    units = [_resampled(pool, pool.ranking.x) for pool in pools]
    nulls = permutation_null(units, families, parameters.permutations, generator(parameters.seed, "permutations"))
    sizes = [pool.n for pool in pools]
    errors, planted_errors = _errors(pools, planted, families, nulls, parameters)
    reliability = _reliability(pools, parameters)
    found = {}
    for name, family in parameters.families.items():
        critical, reached = errors[name].critical, nulls[name].reached(sizes, parameters.alpha)
        concerned = [bool(chosen.any()) for chosen in families[name]]  # some models have no dictionary
        scored = [
            control
            for pool, made, error, chance in compress(
                zip(pools, planted, planted_errors, reached, strict=True), concerned
            )
            for control in score_controls(
                pool.cells,
                pool.ranking,
                made,
                lower_limit(made.rho, error, critical, chance),
                critical,
                parameters,
                family.outcomes,
            )
        ]
        own = {pool.cells.name for pool in compress(pools, concerned)}
        rows = [row for row in reliability if row[0].cells.name in own and row[1] in family.outcomes]
        powers = [_sensitivity(*row, critical, parameters) for row in rows]
        planted_in = {(c.model, c.dataset, c.outcome): c for c in scored if c.control == "planted"}
        sensitivity = [
            _with_control(s, planted_in[s.pool.model, s.pool.dataset, s.outcome], parameters.bound) for s in powers
        ]
        found[name] = Evaluation(
            name,
            claim,
            family,
            parameters,
            pools,
            families[name],
            nulls[name],
            errors[name],
            [*scored, *massive],
            sensitivity,
        )
    return found


def declared_cells(pool: Pool, family: FamilyParameters) -> Chosen:
    """Which cells of a pool a family declares: bool [column, outcome]."""
    own = set(family.columns)
    columns = np.array([column in own for column in pool.cells.columns])
    outcomes = np.array([outcome in family.outcomes for outcome in pool.outcomes])
    chosen: Chosen = columns[:, None] & outcomes
    return chosen


def _resampled(pool: Pool, x: Floats) -> Resampled:
    return Resampled(pool.cells.dataset, pool.ranking.strata, x, pool.ranking.y)


def _errors(
    pools: Sequence[Pool],
    planted: Sequence[PlantedScores],
    families: dict[str, list[Chosen]],
    nulls: dict[str, Null],
    parameters: ClaimParameters,
) -> tuple[dict[str, Errors], list[Floats]]:
    """Standard errors of each family, and those of the planted scores, from the same samples of candidates."""
    rho = [pool.rho for pool in pools]
    alpha, sizes = parameters.alpha, [pool.n for pool in pools]
    if parameters.intervals == "fisher":
        own = [formula_error(pool.rho, pool.n) for pool in pools]
        errors = {name: fisher_errors(own, nulls[name], families[name], sizes, alpha) for name in families}
        return errors, [formula_error(made.rho, pool.n) for made, pool in zip(planted, pools, strict=True)]
    units = [_resampled(p, np.concatenate([p.ranking.x, m.ranks])) for p, m in zip(pools, planted, strict=True)]
    samples = bootstrap_rho(units, parameters.bootstrap, generator(parameters.seed, "bootstrap"))
    columns = [len(pool.rho) for pool in pools]
    family = [drawn[:, :count] for drawn, count in zip(samples, columns, strict=True)]
    rest = [drawn[:, count:] for drawn, count in zip(samples, columns, strict=True)]
    errors = bootstrap_errors(rho, family, families, sizes, alpha)
    every = {"": [np.ones(made.rho.shape, dtype=bool) for made in planted]}
    return errors, bootstrap_errors([made.rho for made in planted], rest, every, sizes, alpha)[""].standard_errors


def _reliability(pools: Sequence[Pool], parameters: ClaimParameters) -> list[tuple[Pool, Outcome, Reliability]]:
    """The reliability of each outcome of each pool that is covered."""
    rows = []
    for pool in pools:
        for outcome in pool.outcomes:
            if not pool.problem:
                rng = generator(parameters.seed, "splits", pool.cells.name, outcome)
                matrix, strata, answers = pool.cells.matrix(outcome), pool.ranking.strata, pool.cells.query_target
                found = split_half(matrix, parameters.splits, rng, parameters.alpha, strata, answers)
                rows.append((pool, outcome, found))
    return rows


def _sensitivity(
    pool: Pool, outcome: Outcome, reliability: Reliability, critical: float, parameters: ClaimParameters
) -> Sensitivity:
    """The power to call `sensitivity_rho`, attenuated by noise in the outcome, refuted."""
    constant = pool.ranking.outcome_reasons[pool.outcomes.index(outcome)]
    expected = parameters.sensitivity_rho * reliability.ceiling

    def power(n: int) -> float:
        return float(detection_power(expected, n, parameters.bound, critical))

    reason, needed = "", None
    if constant:
        reason = f"outcome {constant}"
    elif reliability.undefined:
        reason = f"reliability {reliability.undefined}"
    else:
        needed = smallest_n(power, parameters.power)
        if pool.n < FEWEST:
            reason = too_few(pool.n)
        elif power(pool.n) < parameters.power:
            enough = f"about {needed:,} are needed" if needed else "no number of candidates is enough"
            reason = f"power {power(pool.n):.2f} at n = {pool.n} and reliability {reliability.value:.2f}, {enough}"
    return Sensitivity(pool.cells, outcome, pool.n, reliability, expected, power(pool.n), needed, reason)


def _with_control(sensitivity: Sensitivity, planted: Control, bound: float) -> Sensitivity:
    """With what became of the score that was planted there."""
    reason = sensitivity.reason
    if not reason and not planted.shown:
        limit = "" if np.isnan(planted.lower_limit) else f": its lower limit is {planted.lower_limit:.2f}"
        reason = f"a planted score was not shown to lie above the bound {bound:g}{limit}"
    return sensitivity._replace(reason=reason, limit=planted.lower_limit)
