"""Loading a model folder (`data/models/<name>/`) onto a device, ready for extraction and scoring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmark.errors import BenchmarkError, unknown
from benchmark.storage import read_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A causal language model in evaluation mode and its tokenizer; `add_bos`: prompts start with BOS."""

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    add_bos: bool

    @property
    def device(self) -> torch.device:
        parameter: torch.nn.Parameter = next(self.model.parameters())
        return parameter.device

    @property
    def dtype(self) -> torch.dtype:
        parameter: torch.nn.Parameter = next(self.model.parameters())
        return parameter.dtype


def resolve_device(device: str = "auto") -> torch.device:
    """`auto` is CUDA where there is one, else the CPU."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise BenchmarkError(
            f"device {device!r} was asked for, but torch finds no CUDA device: set device to auto or cpu"
        )
    return torch.device(device)


def load_model(folder: Path, device: str = "auto", dtype: str = "auto") -> LoadedModel:
    """Loads the model that `folder/manifest.json` names; dtype `auto` is bfloat16 on CUDA and float32 on a CPU.

    Safetensors only, no remote code. Raises `BenchmarkError` for a folder that holds no usable model.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    manifest = read_json(folder / "manifest.json")
    where = resolve_device(device)
    if dtype == "auto":
        dtype = "bfloat16" if where.type == "cuda" else "float32"
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    path = Path(manifest["path"]) if manifest.get("path") else folder
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=DTYPES[dtype],
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            attn_implementation="sdpa",
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BenchmarkError(f"the model in {path} cannot be loaded: {reason}") from error
    return LoadedModel(manifest["name"], model.eval().to(where), tokenizer, bool(manifest["add_bos"]))
