"""select@M: what every selector chooses, and how good that is on queries that took no part in choosing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.analysis.selection import ScoredSets, one_shot, selection_table
from benchmark.artefacts.matrices import Matrices
from benchmark.artefacts.scores import ActivationScores
from benchmark.artefacts.selection import write_selection
from benchmark.artefacts.uncertainty import read_uncertainty
from benchmark.params import Params
from benchmark.selection import build_pool, choose, halves
from benchmark.shards import Arrays, compute_shards, concatenate, discard
from benchmark.stages.computing import load, shard_key, work_folder
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset

NAMES = ("log_probability", "performance")


@stage(
    per="model",
    parameters=("selection", "extraction.masks", "quality", "seed", *COMPUTED),
    inputs=(
        "{data}/datasets",
        "{data}/models/{model}",
        "{data}/activations/{model}",
        "{data}/quality/{model}",
    ),
    outs=(Out("{data}/selection/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Let every selector choose from every dataset's pool, and measure what it chose with MODEL."""
    for dataset in params.datasets:
        choose_and_score(params, model, dataset)


def choose_and_score(params: Params, model: str, dataset: str) -> None:
    from benchmark.activations.masks import MASKS
    from benchmark.models.budget import Budget
    from benchmark.quality import quality

    section = params.selection
    data = Dataset.read(params.dataset_folder(dataset))
    activations, qualities = (params.part(kind, model, dataset) for kind in ("activations", "quality"))
    matrices = Matrices.read(qualities).arrays()
    choosing, judging = halves(len(data.queries), section.query_share, params.seed)
    pool = build_pool(
        data,
        ActivationScores.read(activations).arrays(),
        matrices,
        read_uncertainty(qualities),
        choosing,
        [name for name in params.extraction.masks if not MASKS[name].needs_label],
    )
    choices = choose(pool, section.selectors, section.shots, params.seed, section.random_draws, len(judging))

    loaded = load(params, model)
    budget = Budget(params.quality.token_budget)
    base = shard_key(params, "select", params.quality, params.dataset_folder(dataset), params.model_folder(model))
    work = work_folder(params, "select", f"{model}/{dataset}")
    keys: list[dict[str, Any]] = []

    def sharded(count: int, compute: Callable[[range], Arrays], what: dict[str, Any], label: str) -> Arrays:
        keys.append(base | what)
        parts = compute_shards(count, params.quality.shard, compute, work, keys[-1], label, budget)
        return concatenate(parts, parts[0])

    def score(members: NDArray[np.int64], asked: NDArray[np.bool_]) -> ScoredSets:
        """The sets on the judging queries that they are asked for."""
        values = {name: np.full(asked.shape, np.nan, dtype=np.float32) for name in NAMES}
        label = f"select {model} {dataset}, {members.shape[1]} shots"
        everywhere = np.flatnonzero(asked.all(axis=1))
        single = np.flatnonzero(~asked.all(axis=1))

        def sets(part: range) -> Arrays:
            chosen = members[everywhere[part.start : part.stop]]
            return dict(zip(NAMES, quality.score_sets(loaded, data, chosen, judging, budget), strict=True))

        def lists(part: range) -> Arrays:
            """The lists chosen for one query only, query by query."""
            rows = {name: np.full((len(part), len(single)), np.nan, dtype=np.float32) for name in NAMES}
            for row, query in enumerate(part):
                own = np.flatnonzero(asked[single, query])
                if len(own):
                    scored = quality.score_sets(loaded, data, members[single[own]], judging[[query]], budget)
                    for name, value in zip(NAMES, scored, strict=True):
                        rows[name][row, own] = value[:, 0]
            return rows

        key = {"members": members[everywhere].tolist(), "queries": judging.tolist()}
        scored = sharded(len(everywhere), sets, key, label)
        for name in NAMES:
            values[name][everywhere] = scored[name]
        if len(single):
            key = {"lists": members[single].tolist(), "asked": asked[single].tolist(), "queries": judging.tolist()}
            scored = sharded(len(judging), lists, key, f"{label}, query by query")
            for name in NAMES:
                values[name][single] = scored[name].T
        return ScoredSets(members, values["log_probability"], values["performance"])

    scored = {k: one_shot(matrices, judging) if k == 1 else score(*choices.asked(k)) for k in section.shots}
    zero_shot = matrices["zero_shot_log_probability"][judging]
    table = selection_table(model, data.name, choices, scored, zero_shot)
    write_selection(params.part("selection", model, dataset) / "selection.csv", table)
    for key in keys:
        discard(work, key)
