"""A folder as `save_pretrained` writes it: which files matter, what model they describe, and if it can serve."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import BenchmarkError
from benchmark.models.shape import require_shape, shape_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from benchmark.models.parameters import Shape

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
CONFIG = "config.json"
ADAPTER = "adapter_config.json"
SMALL = (
    CONFIG,
    INDEX,
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "README.md",
    "LICENSE",
    "LICENSE.txt",
)
"""What is fetched beside the weights, where it exists."""
FLOATS = ("F64", "F32", "F16", "BF16")
"""Types of weights, as safetensors names them."""
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def require_safetensors(names: Collection[str], where: str) -> None:
    """Raises `BenchmarkError` unless files of these names can be a whole model whose weights are safetensors."""
    if ADAPTER in names:
        raise BenchmarkError(
            f"{where} holds an adapter ({ADAPTER}), which is not applied here: merge it into its model (peft's "
            f"merge_and_unload, then save_pretrained) and use that folder (source: local); if it is merged, remove "
            f"{ADAPTER}"
        )
    if CONFIG not in names:
        raise BenchmarkError(f"{where} holds no {CONFIG}: it is not a model of transformers")
    if INDEX in names or SINGLE in names:
        return
    if any(name.endswith(PICKLES) for name in names):
        raise BenchmarkError(
            f"{where} holds weights as pickle only, which can run code and is not loaded: use a revision with "
            f"safetensors, or convert it with save_pretrained and use the folder (source: local)"
        )
    raise BenchmarkError(f"{where} holds no weights: neither {SINGLE} nor {INDEX}")


def weight_files(folder: Path) -> list[str]:
    """Names of the files of weights: what transformers loads, which is those of an index only without a single one."""
    if (folder / SINGLE).is_file() or not (folder / INDEX).is_file():
        return [SINGLE]
    try:
        names = set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError) as error:
        raise BenchmarkError(f"{folder / INDEX} is not an index of safetensors: {error}") from error
    return sorted(names)


def files_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and digest of every file of the folder that matters; raises `BenchmarkError` where weights are missing."""
    from benchmark.hashing import sha256_file

    names = {file.name for file in folder.iterdir() if file.is_file()}
    require_safetensors(names, str(folder))
    weights = weight_files(folder)
    missing = [file for file in weights if file not in names]
    if missing:
        raise BenchmarkError(f"{folder}: its index names {missing[0]}, which is missing: copy the whole folder")
    found = sorted({*(file for file in SMALL if file in names), *weights})
    return {file: {"bytes": (folder / file).stat().st_size, "sha256": sha256_file(folder / file)} for file in found}


def describe(name: str, folder: Path, *, add_bos: bool | None, mlp: str | None, shape: Shape | None) -> dict[str, Any]:
    """Architecture, shape and BOS policy, from config and tokenizer; raises `BenchmarkError` where one cannot serve.

    No weights are needed: a tiny model of the same architecture shows whether masks, hooks and caches work as they
    must. `add_bos`, `mlp` and `shape` are what the parameters say.
    """
    import torch
    from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM

    from benchmark.models.decoder import find_decoder
    from benchmark.models.loading import first_line, load_tokenizer, prefix_of
    from benchmark.models.probe import probe, require_text_decoder
    from benchmark.models.tokenization import require_as_written
    from benchmark.tasks.tokens import leading_ids

    raw = _read_config(folder / CONFIG)
    if raw.get("model_type") not in CONFIG_MAPPING:
        if raw.get("auto_map"):
            raise _remote_code(name, folder)
        raise BenchmarkError(
            f"model {name}: this version of transformers does not know model type {raw.get('model_type')!r}"
        )
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        if type(config) not in AutoModelForCausalLM._model_mapping and "AutoModelForCausalLM" in (
            raw.get("auto_map") or {}
        ):
            raise _remote_code(name, folder)
        require_text_decoder(name, config)
        found = shape_of(config)
        with torch.device("meta"):
            skeleton = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except BenchmarkError:
        raise
    except Exception as error:  # each architecture has its own ways to refuse a config
        raise BenchmarkError(
            f"model {name}: {folder / CONFIG} describes no model that can be built ({first_line(error)}): correct "
            f"it, or use another checkpoint"
        ) from error
    if shape is not None:
        require_shape(shape, found, name)
    probe(name, config)
    find_decoder(skeleton, name=name, mlp=mlp)  # last: that a pattern of its MLPs is missing can be mended
    tokenizer = load_tokenizer(folder)
    require_as_written(name, folder, tokenizer)
    if add_bos and tokenizer.bos_token_id is None:
        raise BenchmarkError(f"model {name}: add_bos is true, but its tokenizer has no BOS token: set add_bos to false")
    add_bos = bool(prefix_of(tokenizer)) if add_bos is None else add_bos
    beyond = [index for index in leading_ids(tokenizer) if index >= found.vocabulary] if add_bos else []
    if beyond:
        raise BenchmarkError(
            f"model {name}: its tokenizer puts {tokenizer.convert_ids_to_tokens(beyond[0])!r} ({beyond[0]}) before a "
            f"text, and the model has {found.vocabulary} embeddings: set add_bos to false, or use the tokenizer "
            f"that it was trained with"
        )
    return {"architecture": config.model_type, "shape": found.model_dump(), "add_bos": add_bos}


def require_whole(name: str, folder: Path) -> None:
    """Raises `BenchmarkError` unless the weights are those of the model that the config describes: by their names, and
    by their numbers, all of which are read.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from benchmark.models.loading import first_line, require_covered

    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    try:
        _, report = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            device_map="meta",
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # safetensors, transformers and torch each have their own errors for a bad file
        raise BenchmarkError(f"the model in {folder} cannot be loaded: {first_line(error)}") from error
    require_covered(name, report)
    for file in weight_files(folder):
        _require_numbers(name, folder / file)


def _require_numbers(name: str, path: Path) -> None:
    """Raises `BenchmarkError` for a matrix that is quantised, which would be read as if it were not, or not finite."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        for key in file.keys():  # noqa: SIM118
            kind = file.get_slice(key).get_dtype()
            if kind in FLOATS and not file.get_tensor(key).isfinite().all():
                raise BenchmarkError(
                    f"model {name}: {key} in {path.name} holds NaN or infinity: the checkpoint is damaged, or was "
                    f"saved in a dtype that overflowed; fetch it again, or use another one"
                )
            if kind not in FLOATS and key.endswith(".weight"):
                raise BenchmarkError(
                    f"model {name}: {key} in {path.name} holds {kind}: quantised weights are not read; use a "
                    f"checkpoint in float32, bfloat16 or float16, or a GGUF file"
                )


def _read_config(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BenchmarkError(f"{path} is not a JSON file: {error}") from error
    if not isinstance(raw, dict):
        raise BenchmarkError(f"{path} is not a config: a JSON object is expected")
    return raw


def _remote_code(name: str, folder: Path) -> BenchmarkError:
    return BenchmarkError(
        f"model {name} needs code from its repository to run, which is never executed here: use a model that "
        f"transformers knows by itself ({folder / CONFIG}: auto_map)"
    )
