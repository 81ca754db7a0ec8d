"""Models that are not embedded: fetched from a hub or taken from a local folder, checked, and described in a manifest.

Small files come first and are checked, so that a model which cannot work is refused before its weights are fetched.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_file
from benchmark.hub.card import licence_of, read_card
from benchmark.models.parameters import HubModel, LocalModel
from benchmark.models.shape import require_shape, shape_of
from benchmark.storage import write_json

if TYPE_CHECKING:
    from collections.abc import Collection

    from benchmark.hub.fetching import Fetched

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
CONFIG = "config.json"
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
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def fetch_model(name: str, source: HubModel | LocalModel, folder: Path) -> None:
    """Makes the model available and writes `folder/manifest.json`; nothing is written before all is verified.

    A hub model's files lie in the cache of huggingface_hub; the manifest names repository and revision, never a folder
    of this machine. Raises `BenchmarkError` for whatever makes the model unusable.
    """
    manifest = _from_hub(name, source) if isinstance(source, HubModel) else _from_folder(name, source)
    write_json(folder / "manifest.json", manifest)


def _from_hub(name: str, source: HubModel) -> dict[str, Any]:
    from benchmark.hub.fetching import fetch
    from benchmark.hub.repository import list_files

    listing = list_files("model", source.repository, source.revision)
    _require_safetensors(listing.files, source.repository)
    fetched = fetch(listing, [file for file in SMALL if file in listing.files])
    described = _describe(name, listing.snapshot, source)
    weights = _weights(listing.snapshot)
    missing = [file for file in weights if file not in listing.files]
    if missing:
        raise BenchmarkError(f"{source.repository}: its index names {missing[0]}, which the repository does not hold")
    fetched |= fetch(listing, weights)
    return {
        "name": name,
        "source": "hub",
        **described,
        "path": None,
        "repository": source.repository,
        "revision": source.revision,
        "licence": licence_of(read_card(listing.snapshot)),
        "files": _files(fetched),
    }


def _from_folder(name: str, source: LocalModel) -> dict[str, Any]:
    from benchmark.hub.fetching import Fetched

    path = Path(source.path)
    if not path.is_dir():
        raise BenchmarkError(f"model {name}: {path} is no folder: correct `path` in the parameters")
    names = {file.name for file in path.iterdir() if file.is_file()}
    _require_safetensors(names, str(path))
    described = _describe(name, path, source)
    weights = _weights(path)
    missing = [file for file in weights if file not in names]
    if missing:
        raise BenchmarkError(f"{path}: its index names {missing[0]}, which is missing: copy the whole folder")
    found = [*(file for file in SMALL if file in names), *weights]
    fetched = {file: Fetched((path / file).stat().st_size, sha256_file(path / file)) for file in found}
    return {
        "name": name,
        "source": "local",
        **described,
        "path": source.path,
        "repository": None,
        "revision": None,
        "licence": source.licence or licence_of(read_card(path)),
        "files": _files(fetched),
    }


def _files(fetched: dict[str, Fetched]) -> dict[str, Any]:
    return {name: {"bytes": fetched[name].bytes, "sha256": fetched[name].sha256} for name in sorted(fetched)}


def _require_safetensors(names: Collection[str], where: str) -> None:
    if CONFIG not in names:
        raise BenchmarkError(f"{where} holds no {CONFIG}: it is no model of transformers")
    if INDEX in names or SINGLE in names:
        return
    if any(name.endswith(PICKLES) for name in names):
        raise BenchmarkError(
            f"{where} holds weights as pickle only, which can run code and is not loaded: use a revision with "
            f"safetensors, or convert it with save_pretrained and use the folder (source: local)"
        )
    raise BenchmarkError(f"{where} holds no weights: neither {SINGLE} nor {INDEX}")


def _weights(folder: Path) -> list[str]:
    if not (folder / INDEX).is_file():
        return [SINGLE]
    try:
        names = set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError) as error:
        raise BenchmarkError(f"{folder / INDEX} is no index of safetensors: {error}") from error
    return sorted(names)


def _describe(name: str, folder: Path, source: HubModel | LocalModel) -> dict[str, Any]:
    """Architecture, shape and BOS policy, from config and tokenizer; raises `BenchmarkError` where one cannot serve.

    The modules are built without memory for weights, so that MLPs which cannot be found are told before the download.
    """
    import torch
    from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM

    from benchmark.models.decoder import find_decoder
    from benchmark.models.loading import load_tokenizer

    raw = _read_config(folder / CONFIG)
    if raw.get("model_type") not in CONFIG_MAPPING:
        if raw.get("auto_map"):
            raise _remote_code(name, folder)
        raise BenchmarkError(
            f"model {name}: this version of transformers does not know model type {raw.get('model_type')!r}"
        )
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        if type(config) not in AutoModelForCausalLM._model_mapping:
            if "AutoModelForCausalLM" in (raw.get("auto_map") or {}):
                raise _remote_code(name, folder)
            raise BenchmarkError(f"model {name}: {config.model_type!r} is no causal language model")
        shape = shape_of(config)
        with torch.device("meta"):
            skeleton = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except BenchmarkError:
        raise
    except Exception as error:  # each architecture has its own ways to refuse a config
        raise BenchmarkError(
            f"model {name}: {folder / CONFIG} describes no model that can be built: {error}"
        ) from error
    if source.shape is not None:
        require_shape(source.shape, shape, name)
    find_decoder(skeleton, name=name, mlp=source.mlp)
    tokenizer = load_tokenizer(folder)
    adds = tokenizer.bos_token_id is not None and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    if source.add_bos and tokenizer.bos_token_id is None:
        raise BenchmarkError(f"model {name}: add_bos is true, but its tokenizer has no BOS token: set add_bos to false")
    return {
        "architecture": config.model_type,
        "shape": shape.model_dump(),
        "add_bos": adds if source.add_bos is None else source.add_bos,
    }


def _read_config(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BenchmarkError(f"{path} is no JSON: {error}") from error
    if not isinstance(raw, dict):
        raise BenchmarkError(f"{path} is no config: a JSON object is expected")
    return raw


def _remote_code(name: str, folder: Path) -> BenchmarkError:
    return BenchmarkError(
        f"model {name} needs code from its repository to run, which is never executed here: use a model that "
        f"transformers knows by itself ({folder / CONFIG}: auto_map)"
    )
