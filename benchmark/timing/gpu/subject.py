"""What the proof runs on: models of the paper's true shapes with random weights, and random text for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from benchmark.models.loading import LoadedModel
from benchmark.models.tokenizer import build_tokenizer, vocabulary
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example


@dataclass(frozen=True, slots=True)
class Subject:
    """`sizes`: fields of the config; `bos`: whether its prompts start with BOS."""

    config: Callable[..., Any]
    model: Callable[..., Any]
    sizes: dict[str, int]
    bos: bool

    def load(self, name: str, device: torch.device, dtype: torch.dtype) -> LoadedModel:
        """Random weights, drawn on the device from a fixed seed, in evaluation mode."""
        config = self.config(
            **self.sizes, tie_word_embeddings=True, max_position_embeddings=4096, attn_implementation="sdpa"
        )
        torch.manual_seed(0)
        with device:
            network = self.model(config)
        tokenizer = build_tokenizer(bos=self.bos)
        return LoadedModel(name, network.to(dtype).eval(), tokenizer, self.bos)


def _sizes(layers: int, hidden: int, intermediate: int, heads: int, kv_heads: int, vocabulary: int) -> dict[str, int]:
    return {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": vocabulary,
    }


TRUE = {
    "llama_3b": Subject(LlamaConfig, LlamaForCausalLM, _sizes(28, 3072, 8192, 24, 8, 128256), bos=True),
    "qwen_3b": Subject(Qwen2Config, Qwen2ForCausalLM, _sizes(36, 2048, 11008, 16, 2, 151936), bos=False),
}
"""The shapes of Llama-3.2-3B and Qwen2.5-3B (docs/protocol.md)."""
SMALL = {
    "llama_3b": Subject(LlamaConfig, LlamaForCausalLM, _sizes(3, 96, 192, 4, 2, 512), bos=True),
    "qwen_3b": Subject(Qwen2Config, Qwen2ForCausalLM, _sizes(3, 64, 192, 4, 2, 512), bos=False),
}
"""Their little sisters, for a CPU."""


def text(pool: int, queries: int, words: int, generator: np.random.Generator, *, ragged: bool) -> Dataset:
    """A dataset of random words with two choices; inputs of `words` words, or of a third to all of them if `ragged`."""
    known = [word for word in vocabulary(bos=False)[40:] if word.strip()]

    def example(kind: str, index: int) -> Example:
        length = int(generator.integers(max(2, words // 3), words + 1)) if ragged else words
        drawn = " ".join(known[i] for i in generator.integers(len(known), size=length - 1))
        choices = (f" {known[0]}", f" {known[1]}")
        target = choices[index % 2]
        return Example(f"{drawn} ->", target, choices, label=target.strip(), id=f"{kind}-{index}")

    return Dataset(
        name="random",
        kind="classification",
        metric="accuracy",
        separator="\n",
        stop="\n",
        max_new_tokens=1,
        pool=tuple(example("pool", i) for i in range(pool)),
        queries=tuple(example("query", i) for i in range(queries)),
    )
