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
from benchmark.artefacts.sets import read_sets
from benchmark.artefacts.uncertainty import read_uncertainty
from benchmark.hashing import sha256_json
from benchmark.params import Params
from benchmark.selection import Features, Prompts, build_pool, choose, halves, plan
from benchmark.selection.feature import kind, unit
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
    from benchmark.quality.answers import answer, score_lists
    from benchmark.quality.hidden import hidden_states

    section = params.selection
    data = Dataset.read(params.dataset_folder(dataset))
    activations, qualities = (params.part(kind, model, dataset) for kind in ("activations", "quality"))
    matrices = Matrices.read(qualities).arrays()
    choosing, judging = halves(len(data.queries), section.query_share, params.seed)
    loaded = load(params, model)
    budget = Budget(params.quality.token_budget)
    embeddings = {}
    for name in section.features:
        if kind(name).embedding:
            texts = [example.input for example in (*data.pool, *data.queries)]
            rows = unit(hidden_states(loaded, texts, budget))
            pool_rows, query_rows = np.split(rows, [len(data.pool)])
            embeddings[name] = Features(pool_rows, query_rows[choosing], query_rows[judging])
    pool = build_pool(
        data,
        ActivationScores.read(activations).arrays(),
        matrices,
        read_uncertainty(qualities),
        read_sets(qualities),
        (choosing, judging),
        [name for name in params.extraction.masks if not MASKS[name].needs_label],
        section.features,
        embeddings,
    )
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
        pairs = np.array(np.nonzero(asked & ~asked.all(axis=1, keepdims=True)))

        def sets(part: range) -> Arrays:
            chosen = members[everywhere[part.start : part.stop]]
            return dict(zip(NAMES, quality.score_sets(loaded, data, chosen, judging, budget), strict=True))

        def lists(part: range) -> Arrays:
            rows, queries = pairs[:, part.start : part.stop]
            examples = [data.queries[int(j)] for j in judging[queries]]
            return dict(zip(NAMES, score_lists(loaded, data, members[rows], examples, budget), strict=True))

        key = {"members": members[everywhere].tolist(), "queries": judging.tolist()}
        scored = sharded(len(everywhere), sets, key, label)
        for name in NAMES:
            values[name][everywhere] = scored[name]
        if pairs.size:
            key = {"lists": members[pairs[0]].tolist(), "queries": judging[pairs[1]].tolist()}
            scored = sharded(pairs.shape[1], lists, key, f"{label}, a list a query")
            for name in NAMES:
                values[name][pairs[0], pairs[1]] = scored[name]
        return ScoredSets(members, values["log_probability"], values["performance"])

    answers: dict[str, NDArray[np.float64]] = {}

    def ask(prompts: Prompts) -> NDArray[np.float64]:
        """What the model says; equal prompts, as those for several numbers of shots, are run once."""
        members = prompts.members
        examples = data.pool if prompts.of == "pool" else [data.queries[int(j)] for j in judging]
        asked = [examples[int(i)] for i in prompts.asked]

        def compute(part: range) -> Arrays:
            rows = slice(part.start, part.stop)
            values = answer(loaded, data, members[rows], asked[rows], prompts.read, budget)
            return {"answers": np.pad(values, ((0, 0), (0, widest - values.shape[1])), constant_values=np.nan)}

        widest = max(max(len(example.choices) for example in asked), 1) if prompts.read == "choices" else 1
        what = {"prompts": members.tolist(), "asked": [example.id for example in asked], "read": prompts.read}
        key = sha256_json(what)
        if not asked:
            return np.empty((0, widest))
        if key not in answers:
            answers[key] = sharded(len(asked), compute, what, f"prompts {model} {dataset}")["answers"]
        return answers[key]

    asked_for = plan(pool, section.selectors, section.shots, params.seed)
    said = {entry: ask(prompts) for entry, prompts in asked_for.items()}
    choices = choose(pool, section.selectors, section.shots, params.seed, section.random_draws, said)
    scored = {k: one_shot(matrices, judging) if k == 1 else score(*choices.asked(k)) for k in section.shots}
    zero_shot = matrices["zero_shot_log_probability"][judging]
    table = selection_table(model, data.name, choices, scored, zero_shot)
    write_selection(params.part("selection", model, dataset) / "selection.csv", table)
    for key in keys:
        discard(work, key)
