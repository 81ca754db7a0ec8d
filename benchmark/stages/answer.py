"""answer@M: what a model says to the prompts that selectors want run before they choose.

A part of its own: who chooses, and how, can change without a pass of the model, as long as it wants the same said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.artefacts.prompts import Prompt, read_prompts, write_answers
from benchmark.hashing import sha256_file
from benchmark.params import Params
from benchmark.parts import Arrays, Shard, Work, compute_parts, ranges
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel


class Answering(Work):
    stage = "answer"
    folder = "answers"

    @property
    def token_budget(self) -> int:
        return self.params.quality.token_budget

    def prompts(self, dataset: str) -> list[Prompt]:
        return read_prompts(self.params.prompts(self.model, dataset))

    def inputs(self, dataset: str) -> dict[str, Any]:
        return super().inputs(dataset) | {"prompts": sha256_file(self.params.prompts(self.model, dataset))}

    def shards(self, dataset: str, done: Mapping[str, Arrays]) -> Sequence[Shard]:
        data = Dataset.read(self.params.dataset_folder(dataset))
        # as many prompts as a shard of the quality stage has
        return ranges(len(self.prompts(dataset)), self.params.quality.shard * len(data.queries))

    def compute(self, loaded: LoadedModel, dataset: str, shard: Shard, budget: Budget) -> Arrays:
        from benchmark.quality.asking import ask

        data = Dataset.read(self.params.dataset_folder(dataset))
        return {"answers": ask(loaded, data, self.prompts(dataset)[shard.what["rows"]], budget)}

    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        parts = [arrays["answers"] for arrays in shards.values()]
        widest = max((part.shape[1] for part in parts), default=1)
        wide = [np.pad(part, ((0, 0), (0, widest - part.shape[1])), constant_values=np.nan) for part in parts]
        write_answers(folder, self.prompts(dataset), np.concatenate([np.empty((0, widest)), *wide]))


@stage(
    per="model",
    parameters=("quality.token_budget", "quality.shard", *COMPUTED),
    inputs=("{data}/datasets", "{data}/models/{model}", "{data}/prompts/{model}"),
    outs=(Out("{data}/answers/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Ask MODEL what selectors want said before they choose."""
    compute_parts(Answering(params, model))
