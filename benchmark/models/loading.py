"""Loading a model folder (`data/models/<name>/`) onto a device, ready for extraction and scoring."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmark.errors import BenchmarkError, unknown
from benchmark.models.places import weights_folder
from benchmark.storage import read_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A causal language model in evaluation mode and its tokenizer.

    `add_bos`: whether prompts start with `prefix_ids`, which is BOS alone unless said otherwise.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    add_bos: bool
    prefix_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        bos = self.tokenizer.bos_token_id if self.add_bos and not self.prefix_ids else None
        if bos is not None:
            object.__setattr__(self, "prefix_ids", (int(bos),))

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


def be_deterministic() -> None:
    """Asks torch for deterministic algorithms, where it has them; those without one run, and torch names them once.

    Same machine, driver, torch and batches: the same bits. Another GPU, another batch size: the last bits of matrix
    products differ, because their sums run in another order.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    torch.use_deterministic_algorithms(True, warn_only=True)
    # filling costs time, and no tensor here is read before it is written
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    # bf16 sums are kept in float32: their order may then change only the last bit of the rounded result
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False


def load_tokenizer(path: Path) -> PreTrainedTokenizerBase:
    """The fast tokenizer in `path`, with a pad token: one is needed to batch, and it is masked wherever it stands.

    Raises `BenchmarkError` where there is no tokenizer, no fast one, or none of the tokens that could serve as padding.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    config = path / "tokenizer_config.json"
    named = read_json(config).get("tokenizer_class") if config.exists() else None
    # AutoTokenizer goes by config.json: it rebuilds a Qwen2's tokenizer as byte pairs, whatever tokenizer.json says
    loader = PreTrainedTokenizerFast if named in ("TokenizersBackend", "PreTrainedTokenizerFast") else AutoTokenizer
    try:
        tokenizer = loader.from_pretrained(path, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # tokenizers raises bare Exception for a file it cannot parse
        raise BenchmarkError(f"the tokenizer in {path} cannot be loaded: {first_line(error)}") from error
    if not tokenizer.is_fast:
        raise BenchmarkError(f"the tokenizer in {path} gives no character offsets: a tokenizer.json is needed")
    if tokenizer.pad_token_id is None:
        stand_in = tokenizer.eos_token or tokenizer.bos_token or tokenizer.unk_token
        if stand_in is None:
            raise BenchmarkError(
                f"the tokenizer in {path} has neither a pad token nor one to stand in (EOS, BOS, unknown): add "
                f"pad_token to its tokenizer_config.json"
            )
        tokenizer.pad_token = stand_in
    return tokenizer


def prefix_of(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """What the tokenizer puts before a text: BOS, nothing, or several tokens (GLM: `[gMASK] <sop>`)."""
    text = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    found = (start for start in range(len(whole)) if whole[start : start + len(text)] == text)
    return tuple(whole[: next(found, 0)])


def require_covered(name: str, report: Mapping[str, Any]) -> None:
    """Raises `BenchmarkError` where transformers reports weights that the model lacks, has not, or has otherwise.

    What is missing would be random, and what is left over says that the checkpoint is of another model.
    """
    for kind, told in (
        ("missing_keys", "lacks {}: they would be random"),
        ("unexpected_keys", "holds {}, which its config has no place for"),
        ("mismatched_keys", "holds {} in another shape than its config says"),
    ):
        keys = sorted(key if isinstance(key, str) else key[0] for key in report.get(kind) or ())
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise BenchmarkError(
                f"model {name}: its checkpoint {told.format(', '.join(keys[:3]) + more)}; use the checkpoint and the "
                f"config.json that belong together"
            )


def load_model(folder: Path, device: str = "auto", dtype: str = "auto") -> LoadedModel:
    """Loads the model that `folder/manifest.json` names; dtype `auto` is bfloat16 on CUDA and float32 on a CPU.

    Safetensors only, no remote code. Raises `BenchmarkError` for a folder that holds no usable model.
    """
    from transformers import AutoModelForCausalLM

    manifest = read_json(folder / "manifest.json")
    where = resolve_device(device)
    if dtype == "auto":
        dtype = "bfloat16" if where.type == "cuda" else "float32"
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    path = weights_folder(folder, manifest)
    be_deterministic()
    tokenizer = load_tokenizer(path)
    try:
        model, report = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=DTYPES[dtype],
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
        model = model.eval().to(where)
    except torch.OutOfMemoryError as error:
        free, total = (size / 2**30 for size in torch.cuda.mem_get_info(where))
        raise BenchmarkError(
            f"{manifest['name']} does not fit into the GPU: {free:.1f} of {total:.1f} GiB are free; stop what else "
            f"uses it, or set dtype to bfloat16"
        ) from error
    except Exception as error:  # safetensors, transformers and torch each have their own errors for a bad file
        raise BenchmarkError(f"the model in {path} cannot be loaded: {first_line(error)}") from error
    require_covered(manifest["name"], report)
    _pad_with_a_row(tokenizer, model.get_input_embeddings().num_embeddings)
    add_bos = bool(manifest["add_bos"])
    return LoadedModel(manifest["name"], model, tokenizer, add_bos, prefix_of(tokenizer) if add_bos else ())


def _pad_with_a_row(tokenizer: PreTrainedTokenizerBase, rows: int) -> None:
    """Pads with a token that the embedding has: one that was added to the tokenizer alone is beyond its last row."""
    if tokenizer.pad_token_id < rows:
        return
    others = (tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.unk_token_id)
    stand_in = next((index for index in others if index is not None and index < rows), 0)
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(stand_in)


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its type."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
