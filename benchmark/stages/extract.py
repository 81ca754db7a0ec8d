"""extract@M: activation statistics of every candidate of every pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.params import Params
from benchmark.parts import Arrays, Shard, Work, compute_parts, concatenate, ranges
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel


class Extraction(Work):
    stage = "extract"
    folder = "activations"

    @property
    def token_budget(self) -> int:
        return self.params.extraction.token_budget

    def shards(self, dataset: str, done: Mapping[str, Arrays]) -> Sequence[Shard]:
        pool = Dataset.read(self.params.dataset_folder(dataset)).pool
        return ranges(len(pool), self.params.extraction.shard)

    def compute(self, loaded: LoadedModel, dataset: str, shard: Shard, budget: Budget) -> Arrays:
        from benchmark.activations.extraction import extract
        from benchmark.activations.group import Thresholds

        section = self.params.extraction
        return extract(
            loaded,
            Dataset.read(self.params.dataset_folder(dataset)).pool[shard.what["rows"]],
            masks=section.masks,
            sites={str(site): names for site, names in section.sites.items()},
            poolings=section.poolings,
            thresholds=Thresholds(section.massive_absolute, section.massive_ratio),
            token_budget=budget,
            kernel=section.kernel,
            mlp=self.params.models[self.model].mlp,
        ).arrays()

    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        from benchmark.artefacts.scores import PER_CANDIDATE, ActivationScores

        ActivationScores(**concatenate([*shards.values()], PER_CANDIDATE)).write(folder)


@stage(
    per="model",
    parameters=("extraction", "models.{model}", *COMPUTED),
    inputs=("{data}/datasets", "{data}/models/{model}"),
    outs=(Out("{data}/activations/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Take the activation statistics of MODEL over the pool of every dataset.

    Every mask strategy, statistic, pooling, site and layer, in one run; strategies that share an attention rule share
    a forward pass, and no activation is kept. An interrupted run resumes.
    """
    compute_parts(Extraction(params, model))
