#!/usr/bin/env bash
# transformers: a matrix of int8 (or float8) in a checkpoint is loaded as if its numbers were the weights, and not reported.
#
# Guessed first: a checkpoint whose numbers are quantised, without the scales that make them weights and without a
# `quantization_config`, is refused, or stands under `mismatched_keys` of what `output_loading_info=True` returns.
# Behaviour: each number is cast to the dtype that was asked for: 0.02, stored as 2 with a scale of 0.01, is loaded as
# 2.0. All four lists of the loading info are empty, nothing is logged, and the model runs, its logits finite.
# What follows for a user: "every key was found" says nothing about the numbers; look at the dtypes in the safetensors
# header (F32, F16, BF16 are weights) before a checkpoint of unknown origin is used.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 safetensors==0.8.0
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig

print("torch", torch.__version__, "transformers", transformers.__version__)
transformers.utils.logging.disable_progress_bar()
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4
)
model = AutoModelForCausalLM.from_config(config)
model.save_pretrained("model")
NAME = "model.layers.0.mlp.up_proj.weight"
right = load_file("model/model.safetensors")
for dtype, scale in ((torch.int8, 0.01), (torch.float8_e4m3fn, 0.001)):
    stored = {**right, NAME: (right[NAME] / scale).round().clamp(-127, 127).to(dtype)}
    save_file(stored, "model/model.safetensors", metadata={"format": "pt"})
    with safe_open("model/model.safetensors", "pt") as file:
        header = file.get_slice(NAME).get_dtype()
    loaded, info = AutoModelForCausalLM.from_pretrained("model", dtype=torch.float32, output_loading_info=True)
    weight = loaded.get_parameter(NAME).detach()
    factor = float(weight.abs().mean() / right[NAME].abs().mean())
    logits = loaded(torch.arange(6)[None]).logits
    print(f"{header}: loaded as {weight.dtype}, {factor:.0f} times as large; info {[key for key in info if info[key]]}")
    assert weight.dtype == torch.float32 and logits.isfinite().all()
    assert not any(info.values()), "the behaviour changed: the loading info names it"
    assert factor > 0.9 / scale, "the behaviour changed"
PYTHON
