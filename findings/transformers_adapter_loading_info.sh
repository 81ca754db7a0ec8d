#!/usr/bin/env bash
# transformers: where an adapter lies beside a model, `output_loading_info=True` reports on the adapter alone, and a weight
# that the model's own checkpoint lacks is not in it.
#
# Guessed first: the loading info of `from_pretrained` covers all that was loaded, the model's weights and the adapter's.
# Behaviour (with peft installed): the info of the model is replaced by that of its adapter. A checkpoint that lacks a
# matrix, which is then random, has one `missing_keys` without the adapter and none with it, though the matrix is as random.
# Only the report in the log still names it.
# What follows for a user: a program that refuses incomplete checkpoints by this info has to look for adapter_config.json
# first, or load the model without peft in the environment.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 safetensors==0.8.0 accelerate==1.15.0 peft==0.21.2
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import json

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig

has_peft = transformers.utils.is_peft_available()
transformers.utils.logging.disable_progress_bar()
config = LlamaConfig(
    vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4
)
torch.manual_seed(0)
model = AutoModelForCausalLM.from_config(config)
model.save_pretrained("model")
NAME = "model.layers.1.mlp.up_proj.weight"
stored = load_file("model/model.safetensors")
right = stored.pop(NAME)
save_file(stored, "model/model.safetensors", metadata={"format": "pt"})
assert has_peft
transformers.utils.logging.set_verbosity_error()
_, before = AutoModelForCausalLM.from_pretrained("model", output_loading_info=True)

PART = "base_model.model.model.layers.0.self_attn.q_proj"
draw = torch.Generator().manual_seed(1)
weights = {
    f"{PART}.lora_A.weight": torch.randn(4, 32, generator=draw),
    f"{PART}.lora_B.weight": torch.randn(32, 4, generator=draw),
}
save_file(weights, "model/adapter_model.safetensors", metadata={"format": "pt"})
settings = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "someone/base", "r": 4}
settings |= {"lora_alpha": 8, "target_modules": ["q_proj"], "layers_to_transform": [0]}
with open("model/adapter_config.json", "w") as file:
    json.dump(settings, file)

loaded, after = AutoModelForCausalLM.from_pretrained("model", output_loading_info=True)
random = not torch.allclose(loaded.get_parameter(NAME), right)
print(f"transformers {transformers.__version__}: missing without adapter {sorted(before['missing_keys'])}, with it "
      f"{sorted(after['missing_keys'])}; the matrix is random: {random}")
assert {*before["missing_keys"]} == {NAME}, "the behaviour changed"
assert not after["missing_keys"] and random, "the behaviour changed"
PYTHON
