"""The embedded models: a Llama and a Qwen2 of under 300,000 parameters, built from a configuration, weights fresh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from benchmark.errors import unknown

if TYPE_CHECKING:
    from transformers import PreTrainedModel


ROPE_THETA = 1000.0


@dataclass(frozen=True, slots=True)
class Architecture:
    """A model family: how to build it, and whether its prompts start with BOS, as its big sister's do."""

    name: str
    config: Callable[..., Any]
    model: Callable[..., PreTrainedModel]
    bos: bool


ARCHITECTURES = {
    "llama": Architecture("llama", LlamaConfig, LlamaForCausalLM, bos=True),
    "qwen2": Architecture("qwen2", Qwen2Config, Qwen2ForCausalLM, bos=False),
}


def get_architecture(name: str) -> Architecture:
    """The architecture of that name; raises `BenchmarkError` for an unknown one."""
    if name not in ARCHITECTURES:
        raise unknown("architecture", name, ARCHITECTURES)
    return ARCHITECTURES[name]


@dataclass(frozen=True, slots=True)
class Size:
    """The shape of an embedded model. Two heads share one key-value head (grouped-query attention)."""

    hidden: int = 64
    layers: int = 3
    heads: int = 4
    key_value_heads: int = 2
    mlp: int = 192
    context: int = 512


def build_model(architecture: str, size: Size, vocabulary: int, bos_id: int | None, pad_id: int, seed: int) -> Any:
    """A model with weights drawn from `seed` (float32, in training mode). The global generator is left as it was."""
    kind = get_architecture(architecture)
    config = kind.config(
        vocab_size=vocabulary,
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.key_value_heads,
        intermediate_size=size.mlp,
        max_position_embeddings=size.context,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
        initializer_range=0.06,
        tie_word_embeddings=True,
        attention_dropout=0.0,
        bos_token_id=bos_id,
        eos_token_id=None,
        pad_token_id=pad_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind.model(config)
    return model.train()
