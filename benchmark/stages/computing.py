"""What a stage that runs a model starts from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmark.params import Params

if TYPE_CHECKING:
    from benchmark.models.loading import LoadedModel


def load(params: Params, model: str) -> LoadedModel:
    """The model on the profile's device, with its dtype. Raises `BenchmarkError` where it cannot do what is asked."""
    from transformers.utils import logging

    from benchmark.activations.reach import limit_context, require_contribution, require_rows
    from benchmark.models.loading import load_model
    from benchmark.tasks.dataset import Dataset

    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    loaded = load_model(params.model_folder(model), params.device, params.dtype)
    limit_context(loaded, params.models[model].mlp)
    require_contribution(loaded, params.extraction.sites, params.models[model].mlp)
    for folder in map(params.dataset_folder, params.datasets):
        if (folder / "dataset.json").is_file():
            require_rows(loaded, Dataset.read(folder))
    return loaded
