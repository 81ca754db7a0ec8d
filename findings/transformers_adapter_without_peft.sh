#!/usr/bin/env bash
# transformers: whether an adapter that lies beside a model's weights is applied depends on whether peft is installed, and
# nothing says so.
#
# Guessed first: a folder with config.json, weights, adapter_config.json and adapter weights is loaded in one way; where an
# adapter cannot be applied because peft is not there, that is an error, or at least a warning.
# Behaviour: without peft, the adapter is passed over: nothing is logged, and the loading info is empty. With peft in the
# environment, the same call on the same folder applies the adapter, which nothing says either. The base that
# adapter_config.json names is not looked at in both cases. So one folder is two models, by a package that the program does
# not import.
# What follows for a user: look for adapter_config.json before loading, and merge the adapter or remove it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 safetensors==0.8.0 accelerate==1.15.0
cat > "$folder/load.py" <<'PYTHON'
import json
import logging
import sys

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

said = []
handler = logging.Handler()
handler.emit = lambda record: said.append(record.getMessage())
transformers.utils.logging.get_logger("transformers").addHandler(handler)
loaded, info = AutoModelForCausalLM.from_pretrained("model", output_loading_info=True)
ids = torch.arange(6)[None]
with torch.no_grad():
    difference = float((loaded(ids).logits - model(ids).logits).abs().max())
print(f"transformers {transformers.__version__}, peft installed: {has_peft}; logits differ from the weights' own by "
      f"{difference:.3f}; info {[key for key in info if info[key]]}; said: {said}")
assert (difference > 0.01) == has_peft == (sys.argv[1] == "with"), "the behaviour changed"
assert not said and not any(info.values()), "the behaviour changed: it is said"
PYTHON
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python load.py without
venv/bin/pip install --quiet peft==0.21.2
OMP_NUM_THREADS=1 venv/bin/python load.py with
