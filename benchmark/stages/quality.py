"""quality@M: what every candidate, and every random set of them, does for every query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.params import Params
from benchmark.parts import Arrays, Shard, Work, compute_parts, concatenate, ranges
from benchmark.seeds import generator
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel

UNCERTAINTY = "uncertainty"
ZERO_SHOT = "zero_shot"


class Scoring(Work):
    stage = "quality"
    folder = "quality"

    @property
    def token_budget(self) -> int:
        return self.params.quality.token_budget

    def shards(self, dataset: str, done: Mapping[str, Arrays]) -> Sequence[Shard]:
        section, n = self.params.quality, len(self.data(dataset).pool)
        found = ranges(n, section.shard, "pool_")
        for size in section.set_sizes:
            found += ranges(section.sets, section.shard, f"sets_{size}_", size=size)
        return [*found, Shard(UNCERTAINTY, n), Shard(ZERO_SHOT, 1)]

    def compute(self, loaded: LoadedModel, dataset: str, shard: Shard, budget: Budget) -> Arrays:
        from benchmark.quality import quality
        from benchmark.quality.uncertainty import measure_uncertainty

        data = self.data(dataset)
        if shard.name == UNCERTAINTY:
            table = measure_uncertainty(loaded, data, budget)
            return {name: np.array(table[name].tolist()) for name in table}
        if shard.name == ZERO_SHOT:
            return quality.zero_shot(loaded, data, budget).arrays()
        rows = shard.what["rows"]
        if "size" not in shard.what:
            return quality.measure_quality(loaded, data, range(len(data.pool))[rows], budget).arrays()
        draw = generator(self.params.seed, "sets", dataset, shard.what["size"])  # the same sets for every model
        members = quality.draw_sets(len(data.pool), shard.what["size"], self.params.quality.sets, draw)[rows]
        scored = quality.score_sets(loaded, data, members, range(len(data.queries)), budget)
        return dict(zip(("members", "log_probability", "performance"), (members, *scored), strict=True))

    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        import pandas as pd

        from benchmark.artefacts.matrices import Matrices
        from benchmark.artefacts.sets import Sets, write_sets
        from benchmark.artefacts.uncertainty import write_uncertainty
        from benchmark.quality import quality

        def joined(start: str) -> Arrays:
            return concatenate([arrays for name, arrays in shards.items() if name.startswith(start)])

        zero = quality.QualityShard(**shards[ZERO_SHOT])
        Matrices(**quality.assemble(self.data(dataset), zero, [joined("pool_")])).write(folder)
        sizes = self.params.quality.set_sizes
        write_sets(folder, {size: Sets(**joined(f"sets_{size}_")) for size in sizes})
        write_uncertainty(folder, pd.DataFrame(shards[UNCERTAINTY]))

    def data(self, dataset: str) -> Dataset:
        return Dataset.read(self.params.dataset_folder(dataset))


@stage(
    per="model",
    parameters=("quality", "seed", *COMPUTED),
    inputs=("{data}/datasets", "{data}/models/{model}"),
    outs=(Out("{data}/quality/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Score every candidate of every dataset with every query under MODEL.

    The log-probability of each query's target and the task's metric, with each candidate as the one demonstration; and
    the same for random sets of demonstrations. An interrupted run resumes.
    """
    compute_parts(Scoring(params, model))
