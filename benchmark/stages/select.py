"""select@M: what every selector chooses, and how good that is on queries that took no part in choosing.

The model is asked how good the chosen demonstrations are; at 1 shot the matrices say that already. What selectors want
said before they choose, the stage `answer` has asked it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.artefacts.matrices import Matrices
from benchmark.artefacts.prompts import read_answers
from benchmark.artefacts.selection import write_selection
from benchmark.errors import BenchmarkError
from benchmark.params import Params
from benchmark.parts import Arrays, Shard, Work, compute_parts, concatenate, files_of, ranges
from benchmark.selection import Choices, Pool, choose, create
from benchmark.stages.names import COMPUTED, POOL, POOL_INHERITED
from benchmark.stages.pools import listed, pool_inputs, read_material, read_pool, wanted
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel

NAMES = ("log_probability", "performance")
CHOICES = "choices"
"""The shard that holds what every selector chose; the others follow from it."""


@dataclass
class Cell:
    """One dataset's inputs, and what became of them so far; `judging` are the indices of the queries that judge."""

    data: Dataset
    matrices: Matrices
    judging: NDArray[np.int64]
    pool: Pool
    choices: Choices | None = None


@dataclass
class Choosing(Work):
    _cells: dict[str, Cell] = field(default_factory=dict)

    stage = "select"
    folder = "selection"

    @property
    def token_budget(self) -> int:
        return self.params.quality.token_budget

    def inputs(self, dataset: str) -> dict[str, Any]:
        answers = files_of(self.params.part("answers", self.model, dataset))
        return super().inputs(dataset) | pool_inputs(self.params, self.model, dataset) | {"answers": answers}

    def cell(self, dataset: str) -> Cell:
        if dataset not in self._cells:
            material = read_material(self.params, self.model, dataset)
            pool = read_pool(self.params, self.model, dataset, material)
            self._cells[dataset] = Cell(material.data, material.matrices, material.judging, pool)
        return self._cells[dataset]

    def shards(self, dataset: str, done: Mapping[str, Arrays]) -> Sequence[Shard]:
        cell = self.cell(dataset)
        found = [Shard(CHOICES, len(cell.pool))]
        if CHOICES not in done:
            import skactiveml.pool  # noqa: F401  what every fork needs is imported before, which takes a second

            return found
        for shots in self.params.selection.shots:
            if shots > 1:  # one shot is in the matrices already
                members, whole, pairs = self.sets(dataset, shots, done)
                size = self.params.quality.shard
                found += ranges(len(whole), size, f"sets_{shots}_", members=members[whole], queries=cell.judging)
                queries = cell.judging[pairs[1]]
                found += ranges(pairs.shape[1], size, f"lists_{shots}_", members=members[pairs[0]], queries=queries)
        return found

    def choose(self, dataset: str) -> Choices:
        """Raises `BenchmarkError` where the model was not asked what selectors want said now."""
        cell, section = self.cell(dataset), self.params.selection
        answers = read_answers(self.params.part("answers", self.model, dataset))
        said = {}
        for entry, prompts in wanted(self.params, self.model, cell.pool).items():
            asked = listed(prompts, cell.judging)
            if not all(prompt in answers for prompt in asked):
                raise BenchmarkError(
                    f"{self.model} was not asked all that selectors want said of {dataset}: run the stages prompt "
                    "and answer again"
                )
            rows = np.array([answers[prompt] for prompt in asked])
            said[entry] = rows[:, ~np.isnan(rows).all(axis=0)]  # as many choices as these prompts have
        return choose(cell.pool, section.selectors, section.shots, self.params.seed, section.random_draws, said)

    def choices(self, dataset: str, done: Mapping[str, Arrays]) -> Choices:
        cell, section = self.cell(dataset), self.params.selection
        if cell.choices is None:
            selectors = list(create(cell.pool, section.selectors))
            cell.choices = Choices.read(done[CHOICES], selectors, section.shots, len(cell.judging))
        return cell.choices

    def sets(
        self, dataset: str, shots: int, done: Mapping[str, Arrays]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The sets to score; the indices of those that all queries judge; (set, query) of what only some do."""
        members, asked = self.choices(dataset, done).asked(shots)
        everywhere = np.asarray(asked.all(axis=1))
        return members, np.flatnonzero(everywhere), np.array(np.nonzero(asked & ~everywhere[:, None]))

    def compute(self, loaded: LoadedModel, dataset: str, shard: Shard, budget: Budget) -> Arrays:
        from benchmark.quality.answers import score_lists
        from benchmark.quality.quality import score_sets

        if shard.name == CHOICES:
            return self.choose(dataset).arrays()
        data, what = self.cell(dataset).data, shard.what
        rows = what["rows"]
        members, queries = what["members"][rows], what["queries"]
        if shard.name.startswith("sets_"):
            return dict(zip(NAMES, score_sets(loaded, data, members, queries, budget), strict=True))
        examples = [data.queries[int(j)] for j in queries[rows]]
        return dict(zip(NAMES, score_lists(loaded, data, members, examples, budget), strict=True))

    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        from benchmark.analysis.selection import ScoredSets, one_shot, selection_table
        from benchmark.analysis.targets import identify

        cell = self.cell(dataset)

        def scored(shots: int) -> ScoredSets:
            if shots == 1:
                return one_shot(cell.matrices.arrays(), cell.judging)
            members, whole, pairs = self.sets(dataset, shots, shards)
            sets, lists = (list(_named(shards, f"{name}_{shots}_")) for name in ("sets", "lists"))
            values = {name: np.full((len(members), len(cell.judging)), np.nan, dtype=np.float32) for name in NAMES}
            for name in NAMES:
                if sets:
                    values[name][whole] = concatenate(sets)[name]
                if lists:
                    values[name][pairs[0], pairs[1]] = concatenate(lists)[name]
            return ScoredSets(members, values["log_probability"], values["performance"])

        zero_shot = cell.matrices.zero_shot_log_probability[cell.judging]
        by_shots = {shots: scored(shots) for shots in self.params.selection.shots}
        target = identify(cell.data.pool, ()).pool
        table = selection_table(self.model, dataset, self.choices(dataset, shards), by_shots, zero_shot, target)
        write_selection(folder / "selection.csv", table)


def _named(shards: Mapping[str, Arrays], start: str) -> Iterator[Arrays]:
    return (arrays for name, arrays in shards.items() if name.startswith(start))


@stage(
    per="model",
    parameters=(*POOL, "selection.unasked", "selection.shots", "selection.random_draws"),
    inherited=(*POOL_INHERITED, "quality", *COMPUTED),
    inputs=(
        "{data}/datasets",
        "{data}/models/{model}",
        "{data}/activations/{model}",
        "{data}/quality/{model}",
        "{data}/embeddings/{model}",
        "{data}/answers/{model}",
        "{data}/features",
    ),
    outs=(Out("{data}/selection/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Let every selector choose from every dataset's pool, and measure what it chose with MODEL."""
    compute_parts(Choosing(params, model))
