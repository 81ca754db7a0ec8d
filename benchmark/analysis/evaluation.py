"""The claim put to the test: from cells to the four statements and the verdict. Tables and files are made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from benchmark.analysis.controls import Control, planted_score
from benchmark.analysis.equivalence import detection_power
from benchmark.analysis.parameters import ClaimParameters, Outcome, Verdict
from benchmark.analysis.reliability import Reliability, split_half
from benchmark.analysis.resampling import (
    Errors,
    Null,
    bootstrap_errors,
    bootstrap_rho,
    fisher_errors,
    lower_limit,
    permutation_null,
)
from benchmark.analysis.spearman import Floats, centred_ranks, correlate_ranks, rank_columns, standard_error
from benchmark.analysis.verdict import decide
from benchmark.artefacts.cells import Cells
from benchmark.errors import BenchmarkError
from benchmark.seeds import generator


@dataclass(frozen=True)
class Pool:
    """The centred ranks of one pool: `x` [column, n], `y` [outcome, n], their `rho` [column, outcome]."""

    cells: Cells
    outcomes: tuple[Outcome, ...]
    x: Floats
    y: Floats
    score_reasons: list[str]
    outcome_reasons: list[str]
    rho: Floats

    @classmethod
    def rank(cls, cells: Cells, outcomes: tuple[Outcome, ...]) -> Pool:
        x, score_reasons = rank_columns(np.ascontiguousarray(cells.scores.T))
        y, outcome_reasons = rank_columns(np.stack([cells.outcome(outcome) for outcome in outcomes]))
        return cls(cells, outcomes, x, y, score_reasons, outcome_reasons, correlate_ranks(x, y))


PLANTED_TOLERANCE = 0.02
"""How far a planted score's rho may lie from the intended one; ties of the outcome can keep it away."""


def blind(control: Control) -> bool:
    """Whether this control leaves it open that a correlation could have been seen."""
    return control.passed is False or (control.control == "planted" and control.passed is None)


class Sensitivity(NamedTuple):
    """Whether one outcome of one pool could have shown a correlation above the bound, and if not, why."""

    pool: Cells
    outcome: Outcome
    reliability: Reliability
    expected_rho: float
    power: float
    reason: str

    @property
    def sensitive(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class Evaluation:
    """The family's correlations with what chance, sampling and controls say of them; lists are parallel to `pools`."""

    parameters: ClaimParameters
    pools: list[Pool]
    null: Null
    errors: Errors
    controls: list[Control]
    sensitivity: list[Sensitivity]
    verdict: Verdict = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", self.decide(self.sensitive))

    @cached_property
    def largest(self) -> tuple[int, int, int]:
        """Pool, column and outcome of the largest |rho|; the first of equals."""
        best = [np.where(np.isnan(pool.rho), -1, np.abs(pool.rho)) for pool in self.pools]
        p = int(np.argmax([b.max() for b in best]))
        column, outcome = np.unravel_index(int(best[p].argmax()), best[p].shape)
        return p, int(column), int(outcome)

    @property
    def max_abs_rho(self) -> float:
        p, column, outcome = self.largest
        return float(abs(self.pools[p].rho[column, outcome]))

    @cached_property
    def lower_limits(self) -> list[Floats]:
        """Simultaneous lower limits of |rho|: [column, outcome]."""
        pairs = zip(self.pools, self.errors.standard_errors, strict=True)
        return [lower_limit(pool.rho, error, self.errors.critical) for pool, error in pairs]

    @cached_property
    def largest_lower_limit(self) -> float:
        return max(float(np.nanmax(limit, initial=0.0)) for limit in self.lower_limits)

    @property
    def sensitive(self) -> bool:
        """Statement 4: every pool and outcome could have shown it, and no control failed or could not be planted."""
        return all(s.sensitive for s in self.sensitivity) and not any(map(blind, self.controls))

    def null_quantile(self, outcome: int | None = None) -> float:
        """The 1 - alpha quantile of the permuted family's largest |rho|, of one outcome or of all."""
        maxima = self.null.maxima if outcome is None else self.null.maxima[:, :, outcome : outcome + 1]
        return float(np.quantile(maxima.max(axis=(1, 2)), 1 - self.parameters.alpha, method="higher"))

    def decide(self, sensitive: bool, rho: float = 0.0, limit: float = 0.0) -> Verdict:
        """The verdict, were a score with |rho| and lower limit of |rho| as given in the family too."""
        return decide(
            max(self.max_abs_rho, rho),
            max(self.largest_lower_limit, limit),
            self.null_quantile(),
            sensitive,
            self.parameters.bound,
        )

    def decide_outcome(self, outcome: int) -> Verdict:
        """The verdict on one outcome alone, with the family's critical value, which is the stricter one."""
        name = self.parameters.family.outcomes[outcome]
        own = all(s.sensitive for s in self.sensitivity if s.outcome == name)
        failed = any(blind(c) and c.outcome in (name, "") for c in self.controls)
        return decide(
            self.max_of_outcome(outcome),
            max(float(np.nanmax(limit[:, outcome], initial=0.0)) for limit in self.lower_limits),
            self.null_quantile(outcome),
            own and not failed,
            self.parameters.bound,
        )

    def max_of_outcome(self, outcome: int) -> float:
        """The largest |rho| with one outcome; 0 where none is defined."""
        return max(float(np.nanmax(np.abs(pool.rho[:, outcome]), initial=0.0)) for pool in self.pools)


class _Planted(NamedTuple):
    """Ranks of the control scores of a pool [2 * outcome, n]: outcome t's are rows t (planted) and t + T (shuffled)."""

    ranks: list[Floats]
    rho: list[Floats]
    errors: list[Floats]


def evaluate(every: Sequence[Cells], parameters: ClaimParameters, massive: Sequence[Control] = ()) -> Evaluation:
    """Puts the claim to the test on the cells of `every` pool; `massive` are controls that needed a model.

    Raises `BenchmarkError` where no cell has a rho.
    """
    outcomes = parameters.family.outcomes
    pools = [Pool.rank(cells, outcomes) for cells in every]
    if all(np.isnan(pool.rho).all() for pool in pools):
        raise BenchmarkError("no declared cell has a rho: every score or outcome is constant or not finite")
    groups = [cells.dataset for cells in every]
    x, y = [pool.x for pool in pools], [pool.y for pool in pools]
    null = permutation_null(x, y, groups, parameters.permutations, generator(parameters.seed, "permutations"))
    errors, planted = _errors(pools, groups, null, parameters)
    powers = _sensitivity(pools, errors.critical, parameters)
    bare = Evaluation(parameters, pools, null, errors, [], powers)
    controls = [*_planted_controls(bare, planted), *massive]
    found = {(c.model, c.dataset, c.outcome) for c in controls if c.control == "planted" and c.passed}
    sensitivity = [
        s
        if s.reason or (s.pool.model, s.pool.dataset, s.outcome) in found
        else s._replace(reason="planted score missed")
        for s in powers
    ]
    return Evaluation(parameters, pools, null, errors, controls, sensitivity)


def _errors(
    pools: Sequence[Pool], groups: Sequence[str], null: Null, parameters: ClaimParameters
) -> tuple[Errors, _Planted]:
    """Standard errors of the family, and of the control scores beside it, from the same samples of candidates."""
    extra = [_control_ranks(pool, parameters) for pool in pools]
    rho = [correlate_ranks(ranks, pool.y) for ranks, pool in zip(extra, pools, strict=True)]
    if parameters.intervals == "fisher":
        own = fisher_errors(
            [standard_error(pool.rho, pool.cells.n) for pool in pools],
            null,
            [pool.cells.n for pool in pools],
            parameters.alpha,
        )
        theirs = [standard_error(r, pool.cells.n) for r, pool in zip(rho, pools, strict=True)]
        return own, _Planted(extra, rho, theirs)
    samples = bootstrap_rho(
        [np.concatenate([pool.x, ranks]) for pool, ranks in zip(pools, extra, strict=True)],
        [pool.y for pool in pools],
        groups,
        parameters.bootstrap,
        generator(parameters.seed, "bootstrap"),
    )
    sizes = [len(pool.x) for pool in pools]
    family = [drawn[:, :size] for drawn, size in zip(samples, sizes, strict=True)]
    rest = [drawn[:, size:] for drawn, size in zip(samples, sizes, strict=True)]
    own = bootstrap_errors([pool.rho for pool in pools], family, parameters.alpha)
    return own, _Planted(extra, rho, bootstrap_errors(rho, rest, parameters.alpha).standard_errors)


def _control_ranks(pool: Pool, parameters: ClaimParameters) -> Floats:
    planted, shuffled = [], []
    for name, outcome, reason in zip(pool.outcomes, pool.y, pool.outcome_reasons, strict=True):
        rng = generator(parameters.seed, "controls", pool.cells.name, name)
        score = np.zeros_like(outcome) if reason else planted_score(outcome, parameters.controls.planted_rho, rng)
        planted.append(score)
        shuffled.append(rng.permutation(score))
    return centred_ranks(np.stack(planted + shuffled))


def _sensitivity(pools: Sequence[Pool], critical: float, parameters: ClaimParameters) -> list[Sensitivity]:
    """For each pool and outcome: the power to call `sensitivity_rho`, attenuated by noise in the outcome, refuted."""
    rows = []
    for pool in pools:
        for outcome, constant in zip(pool.outcomes, pool.outcome_reasons, strict=True):
            cells = pool.cells
            rng = generator(parameters.seed, "splits", cells.name, outcome)
            reliability = split_half(cells.matrix(outcome), parameters.splits, rng, parameters.alpha)
            expected = parameters.sensitivity_rho * reliability.ceiling
            power = float(detection_power(expected, cells.n, parameters.bound, critical))
            reason = (
                f"outcome {constant}" if constant else reliability.undefined and f"reliability {reliability.undefined}"
            )
            if not reason and power < parameters.power:
                reason = f"power {power:.2f} at n = {cells.n} and reliability {reliability.value:.2f}"
            rows.append(Sensitivity(cells, outcome, reliability, expected, power, reason))
    return rows


def _planted_controls(bare: Evaluation, planted: _Planted) -> list[Control]:
    """Planted, shuffled and identity, for each pool and outcome; `bare` is the evaluation without them."""
    parameters, critical = bare.parameters, bare.errors.critical
    sensitive = bare.sensitive
    controls = []
    for p, pool in enumerate(bare.pools):
        identity = correlate_ranks(pool.y, pool.y)
        for t, outcome in enumerate(pool.outcomes):
            here = Control(control="identity", model=pool.cells.model, dataset=pool.cells.dataset, outcome=outcome)
            if reason := pool.outcome_reasons[t]:
                names = ("planted", "shuffled", "identity")
                controls += [replace(here, control=name, note=f"outcome {reason}") for name in names]
                continue
            for name, row, expected in (
                ("planted", t, parameters.controls.planted_rho),
                ("shuffled", t + len(pool.outcomes), 0.0),
            ):
                rho, error = planted.rho[p][row, t], planted.errors[p][row, t]
                limit = float(lower_limit(rho, error, critical))
                verdict = bare.decide(sensitive, abs(rho), limit)
                passed = limit > parameters.bound and verdict == "refuted"
                if name == "shuffled":
                    passed = limit <= parameters.bound and verdict == bare.verdict
                known = replace(here, expected=expected, value=float(rho), lower_limit=limit)
                if name == "planted" and abs(rho - expected) > PLANTED_TOLERANCE:
                    note = f"the outcome ties too often: no score near rho {expected:g} can be planted"
                    controls.append(replace(known, control=name, note=note))
                    continue
                controls.append(replace(known, control=name, verdict=verdict, passed=passed))
            value = float(identity[t, t])
            controls.append(replace(here, expected=1.0, value=value, passed=value == 1.0))
    return controls
