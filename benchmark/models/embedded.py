"""The embedded models: a Llama and a Qwen2 of under 300,000 parameters, built from a configuration, weights fresh."""

from __future__ import annotations

import math
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


def attend_back(model: Any, steps: tuple[int, int] = (1, 2)) -> None:
    """Starts two heads of the first layer as ones that attend so many tokens back; they stay trainable.

    Induction, the copying of what followed a word before, builds upon such heads, and finding them is what takes small
    models longest. Every embedding gets a common direction of its own mean norm; keys and queries of the heads read
    that direction only, turned against one another so that the rotary phases agree at the distance wanted.
    """
    config = model.config
    width: int = config.hidden_size
    head: int = width // config.num_attention_heads
    common = torch.randn(width)
    common /= common.norm()
    embedding = model.get_input_embeddings().weight
    attention = model.model.layers[0].self_attn
    # After the norm the common direction has length sqrt(width / 2); a pair's logit at its peak is then 12.
    scale = math.sqrt(12 * math.sqrt(head)) / math.sqrt(width / 2)
    with torch.no_grad():
        embedding += embedding.norm(dim=1).mean() * common
        attention.k_proj.weight[:head] = 0.0
        attention.q_proj.weight[: 2 * head] = 0.0
        for pair in range(3):
            frequency = ROPE_THETA ** (-2 * pair / head)
            attention.k_proj.weight[pair] = scale * common
            for index, distance in enumerate(steps):
                phase = frequency * distance
                attention.q_proj.weight[index * head + pair] = scale * math.cos(phase) * common
                attention.q_proj.weight[index * head + pair + head // 2] = -scale * math.sin(phase) * common


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
        attend_back(model)
    return model.train()
