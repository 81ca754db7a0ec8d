"""Model repositories with random weights: any architecture of transformers, and tokenizers of the two real kinds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from tests.hub_server.repository import Repository

CORPUS = (
    "Question: Which of these is the largest planet? Answer: Jupiter",
    "Passage: The river flows from the mountains to the sea. Is that true? yes no",
    "Natalia sold 48 clips in April and half as many in May. She sold 48 + 24 = 72 clips. #### 72",
    "Article: The council met on Tuesday. Summary: The council met. Café, naïve, Zürich, 東京, 😀",
    "positive negative World Sports Business Technology",
)
SPECIAL = {
    "llama": ("<|begin_of_text|>", "<|end_of_text|>"),
    "qwen2": ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
}


def train_tokenizer(
    kind: Literal["llama", "qwen2"], ordinary: int | None = None, corpus: Iterable[str] = CORPUS
) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer; `llama` puts BOS before a text, `qwen2` has no BOS at all, as the real ones.

    With `ordinary`, that many ids come before the special tokens (128000 and 151643 in the real ones): ids that the
    small corpus does not fill belong to tokens that no text contains.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    if ordinary is not None:
        content = json.loads(tokenizer.to_str())
        vocabulary = content["model"]["vocab"]
        for index in range(len(vocabulary), ordinary):
            vocabulary[f"\x00unused {index}"] = index
        tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.add_special_tokens(list(SPECIAL[kind]))
    if kind == "qwen2":
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    bos, eos = SPECIAL["llama"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, tokenizer.token_to_id(bos))]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=bos, eos_token=eos)


def write_model(
    folder: Path,
    kind: Literal["llama", "qwen2"],
    *,
    ordinary: int | None = None,
    dtype: torch.dtype = torch.float32,
    max_shard_size: str = "5GB",
    seed: int = 0,
    **config: Any,
) -> Path:
    """A model folder as `save_pretrained` writes it: random weights from `seed`, config, tokenizer."""
    tokenizer = train_tokenizer(kind, ordinary)
    settings: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **settings | config), dtype=dtype)
    model.save_pretrained(folder, max_shard_size=max_shard_size)
    tokenizer.save_pretrained(folder)
    return folder


def model_repository(folder: Path, name: str, licence: str = "apache-2.0", gated: bool = False) -> Repository:
    """The repository of a model folder; its card names the licence."""
    files: dict[str, bytes | Path] = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
    files["README.md"] = f"---\nlicense: {licence}\n---\n# A model with random weights\n".encode()
    return Repository("model", name, files, gated=gated, card={"license": licence})
