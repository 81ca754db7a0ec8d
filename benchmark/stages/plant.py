"""plant@M: do the massive-activation statistics see a massive dimension that was put there on purpose?

Planted at every position, so that every mask strategy pools it; compared on candidates of the profile's first dataset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.params import Params
from benchmark.parts import Arrays, Shard, Work, compute_parts
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel

CANDIDATES = 16
STATISTICS = ("max_abs", "max_median_ratio", "max_sequence_ratio", "massive_count")
TIMES_THRESHOLD = 50  # how far beyond the absolute threshold of a massive activation the planted one lies


class Planting(Work):
    stage = "plant"
    folder = "planted"

    @property
    def token_budget(self) -> int:
        return self.params.extraction.token_budget

    def datasets(self) -> list[str]:
        return [next(iter(self.params.datasets))]

    def place(self, dataset: str) -> Path:
        return self.params.data / self.folder / self.model

    def shards(self, dataset: str, done: Mapping[str, Arrays]) -> Sequence[Shard]:
        return [Shard("planted", CANDIDATES)]

    def compute(self, loaded: LoadedModel, dataset: str, shard: Shard, budget: Budget) -> Arrays:
        from benchmark.activations.extraction import extract
        from benchmark.activations.group import Thresholds
        from benchmark.activations.planting import plant_massive_dimension

        section, mlp = self.params.extraction, self.params.models[self.model].mlp
        magnitude = TIMES_THRESHOLD * section.massive_absolute
        planted = plant_massive_dimension(
            loaded.model, layer=0, dimension=0, magnitude=magnitude, position=None, mlp=mlp
        )
        before, after = (
            extract(
                replace(loaded, model=network),
                Dataset.read(self.params.dataset_folder(dataset)).pool[:CANDIDATES],
                masks=section.masks,
                sites={"mlp_output": self.statistics},
                thresholds=Thresholds(section.massive_absolute, section.massive_ratio),
                token_budget=budget,
                kernel=section.kernel,
                mlp=mlp,
            ).scores[:, 0, :, 0]
            for network in (loaded.model, planted)
        )
        return {"before": before.mean(axis=0), "after": after.mean(axis=0)}  # [mask, layer, statistic]

    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        import pandas as pd

        from benchmark.artefacts.planted import write_planted

        arrays = shards["planted"]
        names = self.params.extraction.masks
        rows = [
            {
                "model": self.model,
                "mask": names[mask],
                "statistic": self.statistics[statistic],
                "layer": layer,
                "before": arrays["before"][mask, layer, statistic],
                "after": arrays["after"][mask, layer, statistic],
            }
            for mask, layer, statistic in np.ndindex(*arrays["before"].shape)
        ]
        write_planted(folder / "planted.csv", pd.DataFrame(rows))

    @property
    def statistics(self) -> list[str]:
        taken = self.params.extraction.sites.get("mlp_output", ())
        return [name for name in STATISTICS if name in taken]


@stage(
    per="model",
    parameters=("extraction", "models.{model}", *COMPUTED),
    inherited=("datasets",),
    inputs=("{data}/datasets", "{data}/models/{model}"),
    outs=(Out("{data}/planted/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Plant a massive dimension into MODEL and record whether the statistics see it."""
    compute_parts(Planting(params, model))
