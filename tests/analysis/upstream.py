"""What the extract and quality stages would have written, with a truth that the test knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.analysis.parameters import ClaimParameters, FamilyParameters
from benchmark.artefacts.matrices import Matrices
from benchmark.artefacts.planted import write_planted as write_planted_table
from benchmark.artefacts.scores import ActivationScores
from benchmark.artefacts.sets import Sets, write_sets
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example

MASKS = ("causal", "self")
STATISTICS = ("mean", "variance", "max_abs")
SITES = ("mlp_output", "residual")
POOLINGS = ("mean", "max")
LAYERS = (0, 1, 2)
LABELS = ("yes", "no")
CONTEXT = {"extraction": "one"}
PAIRS = (("alpha", "one"), ("beta", "one"), ("alpha", "two"))


def parameters(**changes: object) -> ClaimParameters:
    """A small family and few resamples."""
    small = {"permutations": 199, "bootstrap": 100, "splits": 20, "seed": 7}
    family = FamilyParameters(masks=MASKS, statistics=STATISTICS)
    return ClaimParameters.model_validate(
        {"families": {"declared": family}, "headline": "declared", **small, **changes}
    )


def write_pool(
    folder: Path,
    model: str,
    dataset: str,
    n: int = 400,
    queries: int = 24,
    rho: float = 0.0,
    noise: float = 1.0,
    seed: int = 0,
) -> None:
    """`folder/datasets/D`, `folder/activations/M/D` and `folder/quality/M/D`; `rho` correlates
    causal/mean in every layer with quality.

    `noise` is the standard deviation of a single query's gain around a candidate's own, whose own is 1. The residual
    site has `max_abs` alone; the score of causal/variance is constant.
    """
    rng = np.random.default_rng([seed, *model.encode(), *dataset.encode()])
    quality = rng.standard_normal(n)
    gain = quality[:, None] + noise * rng.standard_normal((n, queries))
    performance = (gain + rng.standard_normal((n, queries)) > 0).astype(np.float32)
    scores = rng.standard_normal((n, len(SITES), len(MASKS), len(POOLINGS), len(LAYERS), len(STATISTICS)))
    scores[:, 1, :, :, :, :2] = np.nan
    measured = (gain.mean(axis=1) - gain.mean()) / gain.mean(axis=1).std()
    planted = rho * measured + np.sqrt(1 - rho**2) * rng.standard_normal(n)
    scores[:, 0, 0, 0, :, 0] = planted[:, None]
    scores[:, 0, 0, 0, :, 1] = 3.0
    ids = np.array([f"c{i}" for i in range(n)])
    write_dataset(folder, dataset, n, queries)
    ActivationScores(
        scores=scores,
        candidates=ids,
        sites=np.array(SITES),
        masks=np.array(MASKS),
        poolings=np.array(POOLINGS),
        layers=np.array(LAYERS),
        statistics=np.array(STATISTICS),
        n_input=rng.integers(5, 40, n),
        n_target=rng.integers(1, 3, n),
        first_token=rng.integers(0, 6, n),
        label=np.array([LABELS[i % 2] for i in range(n)]),
    ).write(folder / "activations" / model / dataset)
    zero_shot = rng.standard_normal(queries) - 2
    members = np.stack([rng.choice(n, 4, replace=False) for _ in range(50)])
    quality_folder = folder / "quality" / model / dataset
    Matrices(
        log_probability=(gain + zero_shot).astype(np.float32),
        performance=performance,
        zero_shot_log_probability=zero_shot.astype(np.float32),
        zero_shot_performance=np.zeros(queries, dtype=np.float32),
        candidates=ids,
        queries=np.array([f"q{j}" for j in range(queries)]),
    ).write(quality_folder)
    four = Sets(
        members=members,
        log_probability=(gain[members].mean(axis=1) + zero_shot).astype(np.float32),
        performance=performance[members].mean(axis=1).astype(np.float32),
    )
    write_sets(quality_folder, {4: four})


def write_dataset(folder: Path, name: str, n: int, queries: int) -> None:
    """`folder/datasets/D`: two labels in turn, c0 to c(n - 1) and q0 to q(queries - 1)."""

    def example(kind: str, i: int) -> Example:
        label = LABELS[i % 2]
        return Example(f"text {i}", f" {label}", tuple(f" {each}" for each in LABELS), label=label, id=f"{kind}{i}")

    Dataset(
        name=name,
        kind="classification",
        metric="accuracy",
        separator="\n",
        stop="\n",
        max_new_tokens=1,
        pool=tuple(example("c", i) for i in range(n)),
        queries=tuple(example("q", j) for j in range(queries)),
    ).write(folder / "datasets" / name)


def write_all(folder: Path, **options: float) -> None:
    for model, dataset in PAIRS:
        write_pool(folder, model, dataset, **options)  # type: ignore[arg-type]


def write_planted(folder: Path, after: float) -> Path:
    """`folder/planted.csv`: what a planted dimension does to the one statistic of both models, from 1 to `after`."""
    rows = [
        {"model": model, "mask": "causal", "statistic": "max_abs", "layer": 0, "before": 1.0, "after": after}
        for model in ("alpha", "beta")
    ]
    write_planted_table(folder / "planted.csv", pd.DataFrame(rows))
    return folder / "planted.csv"
