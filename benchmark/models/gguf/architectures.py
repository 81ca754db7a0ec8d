"""The architectures that are converted: what their keys mean in a config, and how their tensors were turned.

Each reads every key of its own name: one that it does not know may change what the model computes, so that file is
refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.models.gguf.reading import GgufFile
from benchmark.models.gguf.rope import FACTORS, rope_parameters

Weights = NDArray[np.float32]
Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Architecture:
    """`keys` that are understood, without their prefix; `config` of a file; `turn`: (tensor, numbers, config)."""

    name: str
    keys: frozenset[str]
    config: Callable[[GgufFile], Config]
    turn: Callable[[str, Weights, Config], Weights]


ROTARY_KEYS = frozenset(
    {
        "block_count",
        "context_length",
        "embedding_length",
        "feed_forward_length",
        "attention.head_count",
        "attention.head_count_kv",
        "attention.key_length",
        "attention.value_length",
        "attention.layer_norm_rms_epsilon",
        "rope.dimension_count",
        "rope.freq_base",
        "rope.scaling.type",
        "rope.scaling.factor",
        "vocab_size",
    }
)


def _rotary(file: GgufFile, model_type: str, model_class: str) -> Config:
    """The config of a decoder with RMS norms, rotary positions and a gated MLP."""
    prefix = file.architecture
    hidden, heads = (int(file.require(f"{prefix}.{key}")) for key in ("embedding_length", "attention.head_count"))
    head_dim = int(file.keys.get(f"{prefix}.attention.key_length", hidden // heads))
    for key in ("attention.value_length", "rope.dimension_count"):
        if int(file.keys.get(f"{prefix}.{key}", head_dim)) != head_dim:
            raise BenchmarkError(
                f"{file.path.name}: {prefix}.{key} is {file.keys[f'{prefix}.{key}']}, not the width {head_dim} of a "
                f"head: such a model is not converted; use its safetensors"
            )
    return {
        "architectures": [model_class],
        "model_type": model_type,
        "vocab_size": _vocabulary(file),
        "hidden_size": hidden,
        "intermediate_size": int(file.require(f"{prefix}.feed_forward_length")),
        "num_hidden_layers": int(file.require(f"{prefix}.block_count")),
        "num_attention_heads": heads,
        "num_key_value_heads": int(file.keys.get(f"{prefix}.attention.head_count_kv", heads)),
        "head_dim": head_dim,
        "max_position_embeddings": int(file.require(f"{prefix}.context_length")),
        "rms_norm_eps": float(file.require(f"{prefix}.attention.layer_norm_rms_epsilon")),
        "rope_parameters": rope_parameters(file, prefix, head_dim),
        "hidden_act": "silu",
        "tie_word_embeddings": "output.weight" not in file.tensors,
        **_token_ids(file),
    }


def _vocabulary(file: GgufFile) -> int:
    """Rows of the embedding."""
    return int(file.tensors["token_embd.weight"].shape[-1]) if "token_embd.weight" in file.tensors else 0


def _token_ids(file: GgufFile) -> Config:
    names = {"bos": "bos_token_id", "eos": "eos_token_id", "padding": "pad_token_id"}
    ids = {name: file.keys.get(f"tokenizer.ggml.{key}_token_id") for key, name in names.items()}
    return {name: None if value is None else int(value) for name, value in ids.items()}


def _llama_config(file: GgufFile) -> Config:
    config = _rotary(file, "llama", "LlamaForCausalLM")
    biases = {"attention_bias": "blk.0.attn_q.bias", "mlp_bias": "blk.0.ffn_up.bias"}
    return config | {key: tensor in file.tensors for key, tensor in biases.items()}


def _unpermute(name: str, weights: Weights, config: Config) -> Weights:
    """Rows of query and key, which llama.cpp keeps with the two halves of each head interleaved."""
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    part = name.split(".")[-2]
    if part not in heads:
        return weights
    half = len(weights) // heads[part] // 2
    return weights.reshape(heads[part], half, 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def _as_stored(name: str, weights: Weights, config: Config) -> Weights:
    return weights


def _gpt2_config(file: GgufFile) -> Config:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": _vocabulary(file),
        "n_embd": int(file.require("gpt2.embedding_length")),
        "n_inner": int(file.require("gpt2.feed_forward_length")),
        "n_layer": int(file.require("gpt2.block_count")),
        "n_head": int(file.require("gpt2.attention.head_count")),
        "n_positions": int(file.require("gpt2.context_length")),
        "layer_norm_epsilon": float(file.require("gpt2.attention.layer_norm_epsilon")),
        "activation_function": "gelu_new",
        "tie_word_embeddings": "output.weight" not in file.tensors,
        **_token_ids(file),
    }


def _transposed(name: str, weights: Weights, config: Config) -> Weights:
    """GPT-2's own layers keep a matrix as [in, out]."""
    inner = name.startswith("blk.") and name.endswith(".weight") and weights.ndim == 2
    return np.ascontiguousarray(weights.T) if inner else weights


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("llama", ROTARY_KEYS, _llama_config, _unpermute),
        Architecture("qwen2", ROTARY_KEYS, lambda file: _rotary(file, "qwen2", "Qwen2ForCausalLM"), _as_stored),
        Architecture("qwen3", ROTARY_KEYS, lambda file: _rotary(file, "qwen3", "Qwen3ForCausalLM"), _as_stored),
        Architecture(
            "gpt2",
            frozenset(
                {
                    "block_count",
                    "context_length",
                    "embedding_length",
                    "feed_forward_length",
                    "attention.head_count",
                    "attention.layer_norm_epsilon",
                    "vocab_size",
                }
            ),
            _gpt2_config,
            _transposed,
        ),
    )
}


def architecture_of(file: GgufFile) -> Architecture:
    """The file's architecture; raises `BenchmarkError` for one that is not converted, and for an unknown key."""
    name = file.architecture
    if name not in ARCHITECTURES:
        raise BenchmarkError(
            f"{file.path.name} is of architecture {name!r}, which is not converted (only "
            f"{', '.join(sorted(ARCHITECTURES))}): use the model's safetensors"
        )
    architecture = ARCHITECTURES[name]
    unknown = [key for key in file.keys if key.startswith(f"{name}.") and key[len(name) + 1 :] not in architecture.keys]
    if unknown:
        raise BenchmarkError(
            f"{file.path.name} has the key {unknown[0]} = {file.keys[unknown[0]]}, whose meaning for {name} is not "
            f"known exactly: use the model's safetensors"
        )
    return architecture


def place_tensors(file: GgufFile, architecture: Architecture, config: Config) -> Iterator[tuple[str, str]]:
    """(name in transformers, name in the file) of every weight that the model has, in the model's order.

    Raises `BenchmarkError` where the file lacks one, holds one that the model has no place for, or has another shape.
    """
    import torch
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    with torch.device("meta"):
        built = CONFIG_MAPPING[config["model_type"]](**config)
        model = AutoModelForCausalLM.from_config(built)
    kind = next(arch for arch, name in MODEL_ARCH_NAMES.items() if name == architecture.name)
    names = get_tensor_name_map(kind, built.num_hidden_layers)
    head = model.get_output_embeddings()
    left = set(file.tensors) - {FACTORS}
    for name, weight in model.state_dict().items():
        if config["tie_word_embeddings"] and name == "lm_head.weight" and head is not None:
            continue
        stored = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if stored not in left:
            raise BenchmarkError(f"{file.path.name} lacks the tensor {stored or name}, which its architecture needs")
        left.remove(stored)
        shape = tuple(int(size) for size in reversed(file.tensors[stored].shape))
        if sorted(shape) != sorted(weight.shape):
            raise BenchmarkError(f"{file.path.name}: {stored} is {shape}, where its keys say {tuple(weight.shape)}")
        yield name, stored
    if left:
        raise BenchmarkError(
            f"{file.path.name} holds {len(left)} tensors that {architecture.name} has no place for: "
            f"{', '.join(sorted(left)[:3])}; use the model's safetensors"
        )
