"""model@M: an embedded model is trained; a hub or local one is fetched, verified and described."""

from __future__ import annotations

from benchmark.params import EmbeddedModel, Params
from benchmark.stages.inputs import work_folder


def run(params: Params, name: str) -> None:
    folder = params.model_folder(name)
    source = params.models[name]
    if isinstance(source, EmbeddedModel):
        from benchmark.models.training import train

        train(name, source.architecture, seed=source.seed, folder=folder, work=work_folder(params, "model", name))
    else:
        from benchmark.models.hub import fetch_model

        fetch_model(name, source, folder)
