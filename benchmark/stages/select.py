"""select@M: what every selector chooses, and how good that is on queries that took no part in choosing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.artefacts.matrices import Matrices
from benchmark.artefacts.scores import ActivationScores
from benchmark.artefacts.selection import write_selection
from benchmark.artefacts.uncertainty import read_uncertainty
from benchmark.params import Params
from benchmark.parts import Arrays, Shard, Work, compute_parts, concatenate, files_of, ranges
from benchmark.selection import Choices, build_pool, choose, halves
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel

NAMES = ("log_probability", "performance")


@dataclass
class Chosen:
    """What was chosen from a dataset's pool, and what it is judged with; `judging` are indices of queries."""

    choices: Choices
    judging: NDArray[np.int64]
    matrices: Arrays


@dataclass
class Choosing(Work):
    _chosen: dict[str, Chosen] = field(default_factory=dict)

    stage = "select"
    folder = "selection"

    @property
    def token_budget(self) -> int:
        return self.params.quality.token_budget

    def inputs(self, dataset: str) -> dict[str, Any]:
        parts = (self.params.part(kind, self.model, dataset) for kind in ("activations", "quality"))
        return super().inputs(dataset) | {part.parent.parent.name: files_of(part) for part in parts}

    def chosen(self, dataset: str) -> Chosen:
        if dataset not in self._chosen:
            self._chosen[dataset] = self._choose(dataset)
        return self._chosen[dataset]

    def _choose(self, dataset: str) -> Chosen:
        from benchmark.activations.masks import MASKS

        section, seed = self.params.selection, self.params.seed
        data = Dataset.read(self.params.dataset_folder(dataset))
        activations, quality = (self.params.part(kind, self.model, dataset) for kind in ("activations", "quality"))
        matrices = Matrices.read(quality).arrays()
        choosing, judging = halves(len(data.queries), section.query_share, seed)
        pool = build_pool(
            data,
            ActivationScores.read(activations).arrays(),
            matrices,
            read_uncertainty(quality),
            choosing,
            [name for name in self.params.extraction.masks if not MASKS[name].needs_label],
        )
        choices = choose(pool, section.selectors, section.shots, seed, section.random_draws, len(judging))
        return Chosen(choices, judging, matrices)

    def shards(self, dataset: str) -> Sequence[Shard]:
        """Of the sets of each number of shots; one shot is in the matrices already."""
        chosen, size = self.chosen(dataset), self.params.quality.shard
        found: list[Shard] = []
        for shots in self.params.selection.shots:
            if shots > 1:
                members, asked = chosen.choices.asked(shots)
                whole = asked.all(axis=1)
                found += ranges(whole.sum(), size, f"sets_{shots}_", members=members[whole], queries=chosen.judging)
                single = {"members": members[~whole], "asked": asked[~whole], "queries": chosen.judging}
                if len(single["members"]):
                    found += ranges(len(chosen.judging), size, f"lists_{shots}_", **single)
        return found

    def compute(self, loaded: LoadedModel, dataset: str, shard: Shard, budget: Budget) -> Arrays:
        """Sets on every judging query, [set, j]; or the lists chosen for one query only, query by query: [j, list]."""
        from benchmark.quality.quality import score_sets

        data = Dataset.read(self.params.dataset_folder(dataset))
        members, queries, rows = (shard.what[name] for name in ("members", "queries", "rows"))
        if "asked" not in shard.what:
            return dict(zip(NAMES, score_sets(loaded, data, members[rows], queries, budget), strict=True))
        values = {name: np.full((shard.size, len(members)), np.nan, dtype=np.float32) for name in NAMES}
        for row, query in enumerate(range(rows.start, rows.stop)):
            own = np.flatnonzero(shard.what["asked"][:, query])
            if len(own):
                scored = score_sets(loaded, data, members[own], queries[[query]], budget)
                for name, value in zip(NAMES, scored, strict=True):
                    values[name][row, own] = value[:, 0]
        return values

    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        from benchmark.analysis.selection import ScoredSets, one_shot, selection_table

        chosen = self.chosen(dataset)

        def scored(shots: int) -> ScoredSets:
            if shots == 1:
                return one_shot(chosen.matrices, chosen.judging)
            members, asked = chosen.choices.asked(shots)
            whole = asked.all(axis=1)
            values = {name: np.full(asked.shape, np.nan, dtype=np.float32) for name in NAMES}
            for start, rows, transposed in ((f"sets_{shots}_", whole, False), (f"lists_{shots}_", ~whole, True)):
                if rows.any():
                    joined = concatenate([arrays for name, arrays in shards.items() if name.startswith(start)])
                    for name in NAMES:
                        values[name][rows] = joined[name].T if transposed else joined[name]
            return ScoredSets(members, values["log_probability"], values["performance"])

        shots = self.params.selection.shots
        zero_shot = chosen.matrices["zero_shot_log_probability"][chosen.judging]
        table = selection_table(self.model, dataset, chosen.choices, {k: scored(k) for k in shots}, zero_shot)
        write_selection(folder / "selection.csv", table)


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
    compute_parts(Choosing(params, model))
