"""model@M: the source of a model makes it available: trained here, or fetched, verified and described."""

from __future__ import annotations

from benchmark.params import Params
from benchmark.parts import WORK
from benchmark.sources.models import ModelSource
from benchmark.stages.stage import Out, stage


@stage(per="model", parameters=("models.{model}",), outs=(Out("{data}/models/{model}", kept=True),))
def run(params: Params, model: str) -> None:
    """Train the embedded MODEL, or fetch and verify one of another source."""
    source: ModelSource = params.models[model]
    source.fetch(model, params.model_folder(model), WORK / params.profile / "model" / model)
