#!/usr/bin/env bash
# TransformerLens: hook_mlp_out is not the MLP's output in Gemma, OLMo-2, Granite and BLOOM, but what the layer adds for it.
#
# Guessed first: `blocks.L.hook_mlp_out` and the output of transformers' module `layers.L.mlp` (a forward hook, or nnsight's
# `layer.mlp.output`) are the same numbers, as they are in Llama and Qwen.
# Behaviour: a norm after the MLP (Gemma-2 and -3, OLMo-2), a multiplier (Granite), a residual added inside the MLP (BLOOM) come
# between them: the hook has what is added to the residual stream, the module what it computed. Nothing in the names says so.
# What follows for a user: statistics of "MLP outputs" from the two tools must not be compared in these families; say which of
# the two is meant.
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
    vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=64, pad_token_id=0, bos_token_id=2, eos_token_id=1,
)
gemma = shape | {"head_dim": 8, "query_pre_attn_scalar": 8}
FAMILIES = {
    "llama": shape, "qwen2": shape, "gemma2": gemma, "gemma3_text": gemma, "olmo2": shape,
    "granite": shape | {"residual_multiplier": 0.22},
    "bloom": dict(vocab_size=64, hidden_size=32, n_layer=2, n_head=4, bos_token_id=2, eos_token_id=1),
}
IDS = torch.arange(3, 15)[None]
far = {}
for name, settings in FAMILIES.items():
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[name](**settings)).eval()
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.15)
    model.config.architectures = [type(model).__name__]
    bridge = TransformerBridge.boot_transformers("x", hf_model=copy.deepcopy(model), tokenizer=tokenizer, device="cpu")
    outputs = []
    for path, module in model.named_modules():
        if path.endswith(".mlp"):
            module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    with torch.no_grad():
        logits = model(IDS).logits
        again, cache = bridge.run_with_cache(IDS)
    hook, added = cache["blocks.1.hook_mlp_out"], cache["blocks.1.hook_resid_post"] - cache["blocks.1.hook_resid_mid"]
    assert torch.allclose(logits, again, atol=1e-4) and torch.allclose(hook, added, atol=1e-5)
    far[name] = float((hook - outputs[1]).norm() / outputs[1].norm())
    print(f"{name:11} | same logits | the hook is what the layer adds | it differs from the module's output by {far[name]:.0%}")
assert far["llama"] < 1e-5 and far["qwen2"] < 1e-5
assert all(far[name] > 0.2 for name in ("gemma2", "gemma3_text", "olmo2", "granite", "bloom")), "the behaviour changed"
PYTHON
