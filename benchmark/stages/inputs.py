"""What a stage starts from: the pairs it runs over, and what a shard or a table depends on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from benchmark.analysis.claim import ClaimInputs
from benchmark.errors import BenchmarkError
from benchmark.params import Params
from benchmark.shards import digest_files

if TYPE_CHECKING:
    from benchmark.models.loading import LoadedModel

CODE = Path(__file__).parents[1]
WORK = Path(".work")
CONTEXT = ("models", "datasets", "extraction", "quality", "seed", "device", "dtype", "threads")


def pairs(params: Params) -> list[tuple[str, str]]:
    """Every (model, dataset) of the profile."""
    return [(model, dataset) for model in params.models for dataset in params.datasets]


def check_folders(folder: Path, params: Params) -> None:
    """Raises `BenchmarkError` where `folder` holds a cell that the parameters do not name."""
    names = {f"{model}-{dataset}" for model, dataset in pairs(params)}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.removesuffix(".csv") not in names and not path.name.startswith("."):
            raise BenchmarkError(f"{path} belongs to no model and dataset of {params.paths.params}: delete it")


def work_folder(params: Params, stage: str, name: str) -> Path:
    """Where the shards of a stage lie until its out stands."""
    return WORK / params.profile / stage / name


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


def shard_key(params: Params, section: BaseModel, *inputs: Path, code: tuple[str, ...]) -> dict[str, Any]:
    """The key for `compute_shards`; `code` are files and folders of the package.

    The device is part of it, for a GPU's digits are not a CPU's; the paths are not, for they change no result.
    """
    return {
        "parameters": section.model_dump(mode="json"),
        "seed": params.seed,
        "device": params.device,
        "dtype": params.dtype,
        "threads": params.threads,
        "inputs": digest_files(inputs),
        "code": digest_files(CODE / name for name in code),
    }


def context(params: Params) -> dict[str, Any]:
    """What the cells were made from: tables of other parameters than these are refused as stale."""
    return params.model_dump(
        mode="json", include={"models", "datasets", "extraction", "quality", "seed", "device", "dtype", "threads"}
    )


def claim_inputs(params: Params) -> ClaimInputs:
    """What the claim, the gate and the verification of a profile start from."""
    return ClaimInputs(
        pairs=pairs(params),
        cells=params.results / "cells",
        correlations=params.results / "correlations.csv",
        results=params.results,
        parameters=params.claim,
        context=context(params),
        planted=params.results / "planted.csv",
    )
