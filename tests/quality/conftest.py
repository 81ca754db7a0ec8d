"""Random tiny models and datasets: scoring has to be right for any weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

from benchmark.models.loading import LoadedModel
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example

WORDS = [f"w{index}" for index in range(40)]
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
CONFIGS: dict[str, PreTrainedConfig] = {
    "llama": LlamaConfig(**SHAPE, num_key_value_heads=2, max_position_embeddings=128),
    "qwen2": Qwen2Config(**SHAPE, num_key_value_heads=1, max_position_embeddings=128),
    "gpt2": GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=128),
    "neox": GPTNeoXConfig(**SHAPE, max_position_embeddings=128),
}


def make_tokenizer(*, bos: bool) -> PreTrainedTokenizerFast:
    words = ["<pad>", "<unk>", "\n", *(["<bos>"] if bos else []), *WORDS]
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Split(Regex(r"\n|\S+"), behavior="removed", invert=True)
    special = {"bos_token": "<bos>"} if bos else {}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", **special)


def make_model(architecture: str, dtype: torch.dtype = torch.float32) -> LoadedModel:
    """A model with random weights, large enough that its distributions are far from uniform; Llama has BOS."""
    tokenizer = make_tokenizer(bos=architecture == "llama")
    config = CONFIGS[architecture].__class__(**{**CONFIGS[architecture].to_dict(), "vocab_size": len(tokenizer)})
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.copy_(torch.randn(parameter.shape) * 0.3)
    return LoadedModel(architecture, model.to(dtype), tokenizer, architecture == "llama")


def phrase(generator: np.random.Generator, low: int, high: int) -> str:
    return " ".join(generator.choice(WORDS, size=int(generator.integers(low, high + 1))))


def make_example(generator: np.random.Generator, name: str, choices: Sequence[str]) -> Example:
    text = phrase(generator, 2, 9)
    if choices:
        target = str(generator.choice(list(choices)))
        return Example(text, target, choices=tuple(choices), label=target.strip(), id=name)
    answer = phrase(generator, 1, 4)
    return Example(text, f" {answer}", references=(answer,), id=name)


def make_dataset(kind: str, n_pool: int = 7, n_queries: int = 5, seed: int = 0) -> Dataset:
    """`kind`: classes (choices of one token), phrases (of one to three, in varied number) or generative."""
    generator = np.random.default_rng(seed)
    choices = {"classes": (" w0", " w1", " w2"), "phrases": (" w0", " w1 w2", " w1 w3 w4"), "generative": ()}[kind]
    parts = []
    for part, count in (("c", n_pool), ("q", n_queries)):
        some = [choices[: 2 + index % 2] if kind == "phrases" else choices for index in range(count)]
        parts.append(tuple(make_example(generator, f"{part}{index}", some[index]) for index in range(count)))
    return Dataset(
        name=kind,
        kind="generative" if kind == "generative" else "classification",
        metric="exact_match" if kind == "generative" else "accuracy",
        separator="\n",
        stop="\n",
        max_new_tokens=6,
        pool=parts[0],
        queries=parts[1],
    )


@pytest.fixture(params=["llama", "qwen2"])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    return make_model(request.param)


@pytest.fixture(params=["classes", "phrases", "generative"])
def dataset(request: pytest.FixtureRequest) -> Dataset:
    return make_dataset(request.param)
