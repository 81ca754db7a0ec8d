"""model@M: the source of a model makes it available: trained here, or fetched, verified and described."""

from __future__ import annotations

from benchmark.params import Params
from benchmark.stages.computing import work_folder


def run(params: Params, name: str) -> None:
    params.models[name].fetch(name, params.model_folder(name), work_folder(params, "model", name))
