"""Texts as an encoder's sentence embeddings: the mean of its last hidden states over a text's tokens, of length one.

The encoder lies in a folder as sentence-transformers writes it, and transformers loads it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.quality.packing import Indices, chunks, in_two
from benchmark.storage import read_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MODULES = ["Transformer", "Pooling", "Normalize"]


@dataclass(frozen=True)
class Encoder:
    """`longest`: tokens that it reads of a text; the rest is cut off."""

    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel
    longest: int


@functools.cache
def load_encoder(folder: Path, device: torch.device) -> Encoder:
    """The encoder in `folder`, float32; raises `BenchmarkError` where it does not pool by the mean, or is not whole."""
    from transformers import AutoModel, AutoTokenizer

    modules = [module["type"].rpartition(".")[2] for module in read_json(folder / "modules.json")]
    pooling = read_json(folder / "1_Pooling" / "config.json")
    modes = [name for name, on in pooling.items() if name.startswith("pooling_mode") and on is True]
    if modules != MODULES or modes != ["pooling_mode_mean_tokens"]:
        raise BenchmarkError(
            f"{folder} is not an encoder that averages its tokens and divides by the length: it has the modules "
            f"{', '.join(modules)} and {', '.join(modes)}; name another package in selection.embedder"
        )
    longest = int(read_json(folder / "sentence_bert_config.json")["max_seq_length"])
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())[:300]
        raise BenchmarkError(f"{folder} cannot be loaded as an encoder: {why}") from error
    return Encoder(tokenizer, model.to(device).eval(), longest)


@torch.inference_mode()
def sentence_embeddings(encoder: Encoder, texts: Sequence[str], budget: Budget) -> NDArray[np.float32]:
    """Rows of length one, float32 [text, dimension]."""
    model, device = encoder.model, encoder.model.device
    sequences = encoder.tokenizer(list(texts), truncation=True, max_length=encoder.longest, padding=False)["input_ids"]
    out = np.empty((len(texts), int(model.config.hidden_size)), dtype=np.float32)

    def read(part: Indices) -> None:
        padded = encoder.tokenizer.pad({"input_ids": [sequences[i] for i in part]}, return_tensors="pt").to(device)
        states = model(**padded).last_hidden_state
        kept = padded["attention_mask"][..., None]
        means = (states * kept).sum(1) / kept.sum(1)
        out[part] = torch.nn.functional.normalize(means, dim=1).cpu().numpy()

    def attempt(part: Indices) -> None:
        if not budget.fits(lambda: read(part)):
            for half in in_two(part):
                attempt(half)

    for part in chunks([len(ids) for ids in sequences], 1, budget):
        attempt(part)
    return out
