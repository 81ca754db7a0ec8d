#!/usr/bin/env bash
# TransformerLens: in compatibility mode the mean of every MLP output is zero in GPT-2, Pythia and OPT, and is kept in Llama.
#
# Guessed first: `bridge.enable_compatibility_mode()` is about names and old calls: logits and activations stay what they were.
# Behaviour: it rewrites weights. What writes to the residual stream loses its mean over the hidden dimension, which a LayerNorm
# would take away later anyway: logits stay, and the mean of `hook_mlp_out` becomes 0 at every token, to rounding. An
# RMSNorm would not take it away, so that Llama and Qwen keep theirs. The first of the four moments of MLP outputs is then a
# constant in one family and a signal in another; the others, taken about the mean, stay.
# What follows for a user: `enable_compatibility_mode(no_processing=True)` where activations are measured.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet transformer-lens==4.3.0 torch==2.13.0 transformers==5.24.0
cd "$folder"
OMP_NUM_THREADS=1 "$folder/venv/bin/python" - 2> "$folder/warnings" <<'PYTHON' || { tail -n 5 "$folder/warnings"; exit 1; }
import copy
from importlib.metadata import version

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformer_lens.model_bridge import TransformerBridge
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedTokenizerFast

print(*(f"{name} {version(name)}" for name in ("transformer-lens", "torch", "transformers")))
words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(64)}, unk_token="w0"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
PreTrainedTokenizerFast(tokenizer_object=words, pad_token="w0", eos_token="w1", bos_token="w2").save_pretrained("words")
tokenizer = PreTrainedTokenizerFast.from_pretrained("words")
shape = dict(
    vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=64, pad_token_id=0, bos_token_id=2, eos_token_id=1,
)
FAMILIES = {
    "gpt2": dict(vocab_size=64, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=2, eos_token_id=1),
    "gpt_neox": shape,
    "opt": shape | {"ffn_dim": 64, "word_embed_proj_dim": 32},
    "llama": shape | {"num_key_value_heads": 2},
    "qwen2": shape | {"num_key_value_heads": 2},
}
IDS = torch.arange(3, 15)[None]
means = {}
for name, settings in FAMILIES.items():
    for processed in (False, True):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[name](**settings)).eval()
        for weight in model.parameters():
            if weight.dim() > 1:
                torch.nn.init.normal_(weight, std=0.15)
        model.config.architectures = [type(model).__name__]
        bridge = TransformerBridge.boot_transformers("x", hf_model=copy.deepcopy(model), tokenizer=tokenizer, device="cpu")
        bridge.enable_compatibility_mode(no_processing=not processed)
        with torch.no_grad():
            right = model(IDS).logits.log_softmax(-1)
            logits, cache = bridge.run_with_cache(IDS)
        assert torch.allclose(logits.log_softmax(-1), right, atol=1e-4)
        means[name, processed] = float(cache["blocks.1.hook_mlp_out"].mean(-1).abs().max())
    print(
        f"{name:8} | same log-probabilities | largest mean of an MLP output: {means[name, False]:.3f} with "
        f"no_processing=True, {means[name, True]:.1e} by default"
    )
for name in FAMILIES:
    assert means[name, False] > 0.05
    centred = name not in ("llama", "qwen2")
    assert (means[name, True] < 1e-6) == centred, "the behaviour changed"
PYTHON
