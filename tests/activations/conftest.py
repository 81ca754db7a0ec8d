"""Tiny models with random weights, a byte tokenizer, and examples of varied length."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast, Qwen2Config

from benchmark.models.loading import LoadedModel
from benchmark.tasks.example import Example

SHAPE = {
    "vocab_size": 300,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
}


def byte_tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    return tokenizer


def tiny_model(architecture: str, dtype: torch.dtype = torch.float32) -> LoadedModel:
    config = {"llama": LlamaConfig, "qwen2": Qwen2Config}[architecture](**SHAPE)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval().to(dtype)
    return LoadedModel(architecture, model, byte_tokenizer(), add_bos=architecture == "llama")


@pytest.fixture(scope="session")
def llama() -> LoadedModel:
    return tiny_model("llama")


@pytest.fixture(scope="session")
def qwen2() -> LoadedModel:
    return tiny_model("qwen2")


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    generator = np.random.default_rng(0)
    words = ["cat", "river", "of", "seven", "blue"]

    def example(i: int) -> Example:
        text = " ".join(generator.choice(words, generator.integers(1, 9)))
        target = [" yes", " certainly not", " n"][i % 3]
        return Example(text + ":", target, references=(target,), label=target.strip(), id=f"e{i}")

    return [example(i) for i in range(15)]
