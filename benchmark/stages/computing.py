"""What a stage that runs a model starts from: the model, and where its finished parts lie until the out stands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from benchmark.dependencies import code_digest
from benchmark.hashing import sha256_tree
from benchmark.params import Params

if TYPE_CHECKING:
    from benchmark.models.loading import LoadedModel

ROOT = Path(__file__).parents[2]
WORK = Path(".work")


def load(params: Params, model: str) -> LoadedModel:
    """The model on the profile's device, with its dtype and threads."""
    import torch
    from transformers.utils import logging

    from benchmark.models.loading import load_model

    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    if params.threads is not None:
        torch.set_num_threads(params.threads)
    return load_model(params.model_folder(model), params.device, params.dtype)


def work_folder(params: Params, stage: str, name: str) -> Path:
    """Where the shards of a stage lie until its out stands."""
    return WORK / params.profile / stage / name


def shard_key(params: Params, stage: str, section: BaseModel, *inputs: Path) -> dict[str, Any]:
    """The key for `compute_shards` in `stage`, whose parameters are in `section`.

    The device is part of it, for a GPU's digits are not a CPU's; the paths are not, for they change no result.
    """
    return {
        "parameters": section.model_dump(mode="json"),
        "device": params.device,
        "dtype": params.dtype,
        "threads": params.threads,
        "inputs": sha256_tree(inputs),
        "code": code_digest(stage, params),
    }
