"""What selectors may see of one model on one dataset, from what earlier stages wrote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.artefacts.embeddings import Embeddings
from benchmark.artefacts.features import FeatureScores
from benchmark.artefacts.matrices import Matrices
from benchmark.artefacts.prompts import Prompt
from benchmark.artefacts.scores import ActivationScores
from benchmark.artefacts.sets import read_sets
from benchmark.artefacts.uncertainty import read_uncertainty
from benchmark.params import Kind, Params
from benchmark.parts import files_of
from benchmark.selection import Features, Pool, Prompts, build_pool, halves, plan
from benchmark.selection.choices import Plan
from benchmark.selection.feature import kind, unit
from benchmark.tasks.dataset import Dataset


@dataclass(frozen=True)
class Material:
    """`choosing` and `judging` are indices of the queries: of those that selectors may see, and of the others."""

    data: Dataset
    matrices: Matrices
    choosing: NDArray[np.int64]
    judging: NDArray[np.int64]


def read_material(params: Params, model: str, dataset: str) -> Material:
    data = Dataset.read(params.dataset_folder(dataset))
    queries = halves(len(data.queries), params.selection.query_share, params.seed)
    return Material(data, Matrices.read(params.part("quality", model, dataset)), *queries)


def pool_inputs(params: Params, model: str, dataset: str) -> dict[str, dict[str, str]]:
    """The digests of the parts that `read_pool` reads, by kind."""
    kinds: tuple[Kind, ...] = ("activations", "quality", "embeddings")
    found: dict[str, dict[str, str]] = {kind: files_of(params.part(kind, model, dataset)) for kind in kinds}
    features = params.features(model, dataset).parent
    return found | ({"features": files_of(features)} if features.is_dir() else {})  # where the model has dictionaries


def read_pool(params: Params, model: str, dataset: str, material: Material) -> Pool:
    """The pool as selectors see it, with the profile's features."""
    from benchmark.activations.masks import MASKS

    section = params.selection
    computed = [name for name in section.features if kind(name).computed]
    found = Embeddings.read(params.part("embeddings", model, dataset), computed)
    queries = {name: unit(rows) for name, rows in found.queries.items()}
    quality, features = params.part("quality", model, dataset), params.features(model, dataset)
    return build_pool(
        material.data,
        ActivationScores.read(params.part("activations", model, dataset)).arrays(),
        material.matrices.arrays(),
        read_uncertainty(quality),
        read_sets(quality),
        (material.choosing, material.judging),
        [name for name in params.extraction.masks if not MASKS[name].needs_label],
        section.features,
        {
            name: Features(unit(rows), queries[name][material.choosing], queries[name][material.judging])
            for name, rows in found.candidates.items()
        },
        FeatureScores.read(features) if features.parent.is_dir() else None,  # where the model has dictionaries
    )


def budgets_of(params: Params, n: int) -> list[int]:
    """The budgets that a pool of n candidates can fill: a smaller pool has a shorter curve."""
    return [budget for budget in params.selection.budgets if budget <= n]


def wanted(params: Params, model: str, pool: Pool) -> dict[Plan, Prompts]:
    """What selectors want said before they choose; nothing of a model that is not to be asked."""
    section = params.selection
    return {} if model in section.unasked else plan(pool, section.selectors, section.shots, params.seed)


def listed(prompts: Prompts, judging: NDArray[np.int64]) -> list[Prompt]:
    """What a selector wants run, prompt by prompt; `judging` are the indices of the queries that judge."""
    asked = prompts.asked if prompts.of == "pool" else judging[prompts.asked]
    return [
        Prompt(prompts.read, tuple(row), prompts.of, index)
        for row, index in zip(prompts.members.tolist(), asked.tolist(), strict=True)
    ]
