"""What a stage that runs a model starts from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmark.params import Params

if TYPE_CHECKING:
    from benchmark.models.loading import LoadedModel


def load(params: Params, model: str) -> LoadedModel:
    """The model on the profile's device, with its dtype."""
    from transformers.utils import logging

    from benchmark.models.loading import load_model

    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    return load_model(params.model_folder(model), params.device, params.dtype)
