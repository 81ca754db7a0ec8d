"""GGUF files of tiny models with random weights, written as llama.cpp's converter lays them out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, quantize
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel

from tests.hub_server.models import CORPUS

SHAPE = {"hidden": 64, "heads": 4, "kv_heads": 2, "layers": 2, "inner": 96, "context": 64}
ROTARY = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "llama": ROTARY,
    "qwen2": ROTARY,
    "qwen3": ROTARY,
    "gpt2": {"n_embd": 64, "n_inner": 96, "n_layer": 2, "n_head": 4, "n_positions": 64, "initializer_range": 0.2},
}
BLOCK = {  # transformers' name of a layer's part: the file's
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
    "ln_1": "attn_norm",
    "ln_2": "ffn_norm",
}
OUTER = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "transformer.wte": "token_embd",
    "transformer.wpe": "position_embd",
    "transformer.ln_f": "output_norm",
}


def vocabulary(specials: tuple[str, ...] = ("<|bos|>", "<|eos|>")) -> tuple[list[str], list[str], list[int]]:
    """Tokens, merges and token types of a small byte-level vocabulary."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    trained.train_from_iterator([*CORPUS] * 3, trainer)
    import json

    content = json.loads(trained.to_str())["model"]
    tokens = [*specials, *sorted(content["vocab"], key=content["vocab"].get)]
    return tokens, [" ".join(merge) for merge in content["merges"]], [3] * len(specials) + [1] * len(content["vocab"])


def random_model(architecture: str, rows: int, **changes: Any) -> PreTrainedModel:
    config = CONFIG_MAPPING[architecture](**CONFIGS[architecture] | {"vocab_size": rows} | changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
        for parameter in model.parameters():
            if parameter.dim() == 1:
                torch.nn.init.normal_(parameter, mean=0.5, std=0.2)
    return model.eval()


def interleaved(weights: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows of a query or key as a Llama's file has them: (x0, x half) next to each other, for each head."""
    rows = weights.reshape(heads, len(weights) // heads, -1)
    half = rows.shape[1] // 2
    out = np.empty_like(rows)
    out[:, 0::2], out[:, 1::2] = rows[:, :half], rows[:, half:]
    return out.reshape(weights.shape)


def stored(model: PreTrainedModel, architecture: str) -> dict[str, NDArray[np.float32]]:
    """The tensors of a file, by the file's names."""
    tensors = {}
    for name, weight in model.state_dict().items():
        part, _, kind = name.rpartition(".")
        array = weight.float().numpy()
        if part in OUTER:
            if not (part == "lm_head" and model.config.tie_word_embeddings):
                tensors[f"{OUTER[part]}.{kind}"] = array
            continue
        _, _, layer, inner = part.replace("transformer.h.", "transformer.layers.").split(".", 3)
        if architecture == "gpt2" and array.ndim == 2:
            array = np.ascontiguousarray(array.T)
        if architecture == "llama" and BLOCK[inner] in ("attn_q", "attn_k"):
            array = interleaved(array, SHAPE["heads" if BLOCK[inner] == "attn_q" else "kv_heads"])
        tensors[f"blk.{layer}.{BLOCK[inner]}.{kind}"] = array
    return tensors


def write_gguf(
    path: Path,
    architecture: str = "llama",
    *,
    pre: str = "gpt-2",
    keys: Mapping[str, Any] | None = None,
    tensors: Mapping[str, NDArray[np.float32] | None] | None = None,
    quantisation: GGMLQuantizationType = GGMLQuantizationType.F32,
    **changes: Any,
) -> PreTrainedModel:
    """Writes the file and returns the model that is in it. `keys` and `tensors` are added; None leaves one out."""
    tokens, merges, kinds = vocabulary()
    model = random_model(architecture, len(tokens), **changes)
    writer = GGUFWriter(path, architecture)
    base: dict[str, Any] = {
        f"{architecture}.block_count": SHAPE["layers"],
        f"{architecture}.context_length": SHAPE["context"],
        f"{architecture}.embedding_length": SHAPE["hidden"],
        f"{architecture}.feed_forward_length": SHAPE["inner"],
        f"{architecture}.attention.head_count": SHAPE["heads"],
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 1,
        "general.license": "mit",
    }
    if architecture == "gpt2":
        base["gpt2.attention.layer_norm_epsilon"] = 1e-5
    else:
        base |= {
            f"{architecture}.attention.head_count_kv": SHAPE["kv_heads"],
            f"{architecture}.attention.layer_norm_rms_epsilon": 1e-5,
            f"{architecture}.rope.dimension_count": 16,
            f"{architecture}.rope.freq_base": float(model.config.rope_parameters["rope_theta"]),
        }
    for key, value in (base | dict(keys or {})).items():
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        elif value is not None:
            writer.add_string(key, value)
    writer.add_token_list(tokens)
    writer.add_token_merges(merges)
    writer.add_token_types(kinds)
    for name, array in (stored(model, architecture) | dict(tensors or {})).items():
        if array is None:
            continue
        if array.ndim == 2 and quantisation != GGMLQuantizationType.F32 and array.shape[-1] % 32 == 0:
            writer.add_tensor(name, quantize(array, quantisation), raw_dtype=quantisation)
        else:
            writer.add_tensor(name, np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model
