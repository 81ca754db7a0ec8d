#!/usr/bin/env bash
# transformers: a GGUF file's rope scaling and its pre-tokenizer are dropped, and nothing says so.
#
# Guessed first: what `from_pretrained(..., gguf_file=...)` does not understand in a file it refuses or warns of.
# Behaviour:
# 1. Llama 3.1 and 3.2 keep their rope scaling in the tensor rope_freqs.weight (one divisor a frequency). It is
#    skipped: two files that differ in that tensor alone give the same config (rope_type "default") and the same
#    logits, bit for bit, so that every weight is right and every logit wrong.
# 2. The key tokenizer.ggml.pre = smollm (digits one by one, then GPT-2's rule) gives GPT-2's pre-tokenizer: two
#    blanks before a digit become two tokens where the model's own tokenizer has one.
# What follows for a user: read both keys, and refuse a file whose scaling or pre-tokenizer is not known exactly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet transformers==5.23.0 torch==2.13.0 gguf==0.19.0 accelerate==1.15.0
cd "$folder"
HF_HUB_OFFLINE=1 HF_HOME="$folder/home" "$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import gguf
import numpy as np
import torch
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
from transformers import AutoModelForCausalLM, AutoTokenizer

for package in ("transformers", "torch", "gguf"):
    print(package, version(package))
WIDTH = 64
TOKENS = [*sorted(ByteLevel.alphabet()), "ĠĠ", "<s>", "</s>"]


def write(name: str, pre: str, divisors: np.ndarray | None) -> str:
    """A Llama of one layer and one head with a byte-level vocabulary, and one merge: of two blanks."""
    draw = np.random.default_rng(0)
    writer = gguf.GGUFWriter(name, "llama")
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(WIDTH)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(TOKENS)
    writer.add_token_types([1] * (len(TOKENS) - 2) + [3, 3])
    writer.add_token_merges(["Ġ Ġ"])
    writer.add_bos_token_id(len(TOKENS) - 2)
    writer.add_eos_token_id(len(TOKENS) - 1)
    for tensor in ("token_embd", "output"):
        writer.add_tensor(f"{tensor}.weight", draw.standard_normal((len(TOKENS), WIDTH)).astype(np.float32))
    for tensor in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        writer.add_tensor(f"blk.0.{tensor}.weight", draw.standard_normal((WIDTH, WIDTH)).astype(np.float32))
    for tensor in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{tensor}.weight", np.ones(WIDTH, np.float32))
    if divisors is not None:
        writer.add_tensor("rope_freqs.weight", divisors)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return name


def logits(file: str) -> tuple[dict, torch.Tensor]:
    model = AutoModelForCausalLM.from_pretrained(".", gguf_file=file, dtype=torch.float32)
    with torch.no_grad():
        return model.config.rope_parameters, model(torch.arange(40)[None]).logits


plain = write("plain.gguf", "gpt-2", None)
scaled = write("scaled.gguf", "gpt-2", np.linspace(1, 32, WIDTH // 2, dtype=np.float32))
assert any(tensor.name == "rope_freqs.weight" for tensor in gguf.GGUFReader(scaled).tensors)
(rope, unscaled_logits), (scaled_rope, scaled_logits) = logits(plain), logits(scaled)
print("rope without and with rope_freqs.weight:", rope, scaled_rope)
print("largest difference of the logits:", float((unscaled_logits - scaled_logits).abs().max()))
assert rope == scaled_rope and torch.equal(unscaled_logits, scaled_logits), "the behaviour changed"

text = "x  2"
tokenizer = AutoTokenizer.from_pretrained(".", gguf_file=write("smollm.gguf", "smollm", None))
seen = tokenizer.tokenize(text)
tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
    [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
)
right = tokenizer.tokenize(text)
print(f"{text!r} read with tokenizer.ggml.pre = smollm: {seen}; by SmolLM's rule: {right}")
assert seen == ["x", "Ġ", "Ġ", "2"] and right == ["x", "ĠĠ", "2"], "the behaviour changed"
print("seen: both are dropped without a word")
PYTHON
