"""What the features of a model's dictionaries say of the candidates of every pool: a part for each dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.artefacts.features import FeatureScores
from benchmark.params import Params
from benchmark.parts import Arrays, Shard, Work, files_of
from benchmark.tasks.dataset import Dataset

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel
    from benchmark.sae.activations import Reader


class FeaturesOfPools(Work):
    """The whole pool is one shard, for the novelty of a candidate is against all others."""

    stage = "sae"
    folder = "features"

    @property
    def token_budget(self) -> int:
        return self.params.sae.models[self.model].token_budget

    @property
    def dictionaries(self) -> Path:
        return self.params.data / "sae" / self.model

    def inputs(self, dataset: str) -> dict[str, Any]:
        return super().inputs(dataset) | {"sae": files_of(self.dictionaries)}

    def shards(self, dataset: str, done: Mapping[str, Arrays]) -> Sequence[Shard]:
        return [Shard("pool", len(self.data(dataset).pool))]

    def compute(self, loaded: LoadedModel, dataset: str, shard: Shard, budget: Budget) -> Arrays:
        from benchmark.sae.autoencoder import Autoencoder
        from benchmark.sae.scores import score

        reader = reader_of(self.params, self.model, loaded)
        autoencoders = {
            site: Autoencoder.read(self.dictionaries / f"{site}.safetensors").to(loaded.device) for site in reader.sites
        }
        return score(reader, autoencoders, self.data(dataset).pool, budget).arrays()

    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        FeatureScores(**shards["pool"]).write(folder / self.params.features(self.model, dataset).name)

    def data(self, dataset: str) -> Dataset:
        return Dataset.read(self.params.dataset_folder(dataset))


def reader_of(params: Params, model: str, loaded: LoadedModel) -> Reader:
    """Reads the sites that `sae.models` declares. Raises `BenchmarkError` for a layer that is not there."""
    from benchmark.sae.activations import Reader

    section = params.sae.models[model]
    return Reader(loaded, section.layer, section.sites, params.models[model].mlp)
