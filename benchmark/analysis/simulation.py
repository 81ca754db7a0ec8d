"""Whole experiments with a known truth, as cells, to see which verdicts come out.

Candidates have a noise-free quality that models share in part; the candidate-by-query gains add noise, so that the
split-half reliability is what the scenario says. The scores of a pool are normal, dependent through common factors,
and independent of quality but for one planted cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from benchmark.analysis.parameters import FamilyParameters
from benchmark.analysis.spearman import Floats
from benchmark.analysis.strata import by_target
from benchmark.artefacts.cells import Cells
from benchmark.artefacts.column import Column
from benchmark.artefacts.matrices import GAIN_DECIMALS

Whole = NDArray[np.int64]

QUERIES = 32
FACTORS = 3


@dataclass(frozen=True)
class Scenario:
    """`rho`: true Spearman correlation of one cell's score with the outcome as measured (None: all are zero).

    `reliability` of the outcome over all queries; `shared`: the part of a score's variance that common factors make,
    so the dependence between cells; `levels`: scores take so many values (None: no ties); `heavy`: noise of the gains
    is Student's t with 3 degrees of freedom and scores are exponentiated.

    `shares`: of the candidates that have each target; `effect`: the part of the noise-free quality's variance that
    is the target's. `planted`: the one cell's score has `rho` with quality among all (`plain`), or among candidates
    with the same target (`within`, with a strong effect of the target on the score besides), or is the target itself
    (`target`).
    `every`: true rho of all other cells.
    """

    name: str
    n: int = 1000
    rho: float | None = None
    reliability: float = 0.9
    shared: float = 0.5
    levels: int | None = None
    heavy: bool = False
    shares: tuple[float, ...] = (1.0,)
    effect: float = 0.0
    planted: Literal["plain", "target", "within"] = "plain"
    every: float | None = None
    models: int = 2
    datasets: int = 2
    masks: int = 10
    statistics: int = 7

    @property
    def cells(self) -> int:
        return self.models * self.datasets * self.masks * self.statistics

    def family(self) -> FamilyParameters:
        """The family it simulates; quality is its one outcome."""
        return FamilyParameters(
            masks=tuple(f"mask{i}" for i in range(self.masks)),
            statistics=tuple(f"statistic{i}" for i in range(self.statistics)),
            outcomes=("quality",),
        )


def pearson(rho: float) -> float:
    """The Pearson correlation of two normal variables whose Spearman correlation is `rho` (Pearson 1907)."""
    return float(2 * np.sin(np.pi * rho / 6))


def simulate(scenario: Scenario, rng: np.random.Generator) -> list[Cells]:
    """One experiment: the cells of every pool. The planted cell is a random one of the family."""
    family = scenario.family()
    columns = tuple(
        Column("mlp_output", mask, "mean", "mean", statistic)
        for mask in family.masks
        for statistic in family.statistics
    )
    pools = scenario.models * scenario.datasets
    planted = divmod(int(rng.integers(scenario.cells)), len(columns)) if scenario.rho is not None else (pools, 0)
    every: list[Cells] = []
    for d in range(scenario.datasets):
        target = np.repeat(
            np.arange(len(scenario.shares)), np.round(np.array(scenario.shares) * scenario.n).astype(int)
        )
        target = rng.permutation(np.resize(target, scenario.n))
        common = rng.standard_normal(scenario.n)
        for m in range(scenario.models):
            gain = _gain(scenario, common, target, rng)
            scores = _scores(scenario, len(columns), rng)
            signal = special.ndtri(stats.rankdata(gain.mean(axis=1)) / (scenario.n + 1))
            if scenario.every is not None:
                r = pearson(scenario.every)
                scores = r * signal[:, None] + np.sqrt(1 - r**2) * scores
            if planted[0] == len(every) and scenario.rho is not None:
                scores[:, planted[1]] = _planted(scenario, signal, target, rng)
            every.append(_cells(scenario, f"model{m}", f"dataset{d}", columns, _shape(scenario, scores), gain, target))
    return every


def _planted(scenario: Scenario, signal: Floats, target: Whole, rng: np.random.Generator) -> Floats:
    """The planted cell's scores [candidate]; `signal` are the normal scores of the measured quality."""
    if scenario.planted == "target":
        return target.astype(np.float64)
    r = pearson(scenario.rho or 0.0)
    if scenario.planted == "within":
        inside = by_target(target).rank(signal[None])[0]
        signal = special.ndtri((inside + 1) / 2)
    mixed: Floats = r * signal + np.sqrt(1 - r**2) * rng.standard_normal(scenario.n)
    return mixed + 3.0 * target if scenario.planted == "within" else mixed


def _gain(scenario: Scenario, common: Floats, target: Whole, rng: np.random.Generator) -> Floats:
    """Gains [candidate, query] whose means have the scenario's reliability and correlate at 0.5 between models."""
    quality = np.sqrt(0.5) * common + np.sqrt(0.5) * rng.standard_normal(scenario.n)
    if scenario.effect:
        of_target = (target - target.mean()) / target.std()
        quality = np.sqrt(1 - scenario.effect) * quality + np.sqrt(scenario.effect) * of_target
    shape = (scenario.n, QUERIES)
    noise = rng.standard_t(3, shape) / np.sqrt(3) if scenario.heavy else rng.standard_normal(shape)
    scale = np.sqrt(QUERIES * (1 - scenario.reliability) / scenario.reliability)
    gain: Floats = quality[:, None] + scale * noise
    return gain


def _scores(scenario: Scenario, columns: int, rng: np.random.Generator) -> Floats:
    """Scores [candidate, column] with variance 1, `shared` of which comes from common factors."""
    loadings = rng.standard_normal((FACTORS, columns))
    loadings *= np.sqrt(scenario.shared / (loadings**2).sum(axis=0))
    own = np.sqrt(1 - scenario.shared) * rng.standard_normal((scenario.n, columns))
    scores: Floats = rng.standard_normal((scenario.n, FACTORS)) @ loadings + own
    return scores


def _shape(scenario: Scenario, scores: Floats) -> Floats:
    """The same scores with ties or heavy tails; both are monotone, so only ties change a rank correlation."""
    if scenario.levels is not None:
        scores = np.floor(scenario.levels * special.ndtr(scores))
    return np.exp(2 * scores) if scenario.heavy else scores


def _cells(
    scenario: Scenario,
    model: str,
    dataset: str,
    columns: tuple[Column, ...],
    scores: Floats,
    gain: Floats,
    target: Whole,
) -> Cells:
    n = scenario.n
    return Cells(
        model=model,
        dataset=dataset,
        columns=columns,
        scores=scores.astype(np.float32),
        gain=gain.round(GAIN_DECIMALS).astype(np.float32),
        performance=np.zeros((n, 1), dtype=np.float32),
        candidates=np.arange(n).astype(np.str_),
        n_input=np.ones(n, dtype=np.int64),
        n_target=np.ones(n, dtype=np.int64),
        first_token=np.zeros(n, dtype=np.int64),
        target=target.astype(np.int32),
        query_target=np.zeros(gain.shape[1], dtype=np.int32),
        target_problem="",
        fingerprint="simulated",
    )
