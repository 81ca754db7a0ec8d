#!/usr/bin/env bash
# transformers: a 4D mask of booleans hides nothing under eager attention, and works under SDPA.
#
# Guessed first: the same call gives the same logits under both implementations; what one of them cannot take is refused.
# Behaviour: a 4D mask is passed on as it is. SDPA reads booleans as "may attend"; eager attention *adds* the mask to the scores,
# where true is 1 and false is 0, so that every token attends to every other, the future included, with allowed pairs favoured
# by one nat. Nothing is reported. Eager is what `output_attentions=True` needs, so looking at the attention changes it. A 4D mask of 0.0 and 1.0 (the
# values of a 2D mask) is added under both. Right under both: a float mask, 0 where allowed and the smallest float elsewhere.
# What follows for a user: a hand-made mask is passed as that float mask, and tested by changing a token that it hides.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0
OMP_NUM_THREADS=1 "$folder/venv/bin/python" - <<'PYTHON'
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

print("torch", torch.__version__, "transformers", transformers.__version__)
IDS = torch.arange(3, 9)[None]
ALLOWED = torch.ones(6, 6, dtype=torch.bool).tril()[None, None]
MASKS = {
    "float, smallest where hidden": torch.zeros(1, 1, 6, 6).masked_fill(~ALLOWED, torch.finfo(torch.float32).min),
    "bool": ALLOWED,
    "float, 0 and 1": ALLOWED.float(),
}


def change_of_first_token(implementation: str, mask: torch.Tensor) -> float:
    """Largest change of the first position's logits when the last token, which it must not see, is another."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        attn_implementation=implementation,
    )
    model = LlamaForCausalLM(config).eval()
    other = IDS.clone()
    other[0, -1] = 40
    with torch.no_grad():
        first, second = (model(ids, attention_mask=mask).logits[0, 0] for ids in (IDS, other))
    return float((first - second).abs().max())


leaks = {}
for name, mask in MASKS.items():
    for implementation in ("eager", "sdpa"):
        leaks[implementation, name] = leak = change_of_first_token(implementation, mask)
        print(f"{implementation:5} | {name:28} | first logits move by {leak:.4f} with a token of the future")
assert leaks["eager", "float, smallest where hidden"] == leaks["sdpa", "float, smallest where hidden"] == 0
assert leaks["sdpa", "bool"] == 0
assert leaks["eager", "bool"] > 0.001, "the behaviour changed: eager attention honours booleans"
assert leaks["eager", "float, 0 and 1"] > 0.001 and leaks["sdpa", "float, 0 and 1"] > 0.001, "the behaviour changed"
PYTHON
