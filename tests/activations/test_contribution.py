"""What a layer adds for its MLP, against the layer's output with and without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel

from benchmark.activations.contribution import contributions
from benchmark.activations.extraction import extract
from benchmark.activations.statistics import reference
from benchmark.errors import BenchmarkError
from benchmark.models.decoder import find_decoder
from benchmark.models.loading import LoadedModel
from benchmark.tasks.example import Example
from benchmark.tasks.tokens import tokenize_example
from tests.activations.conftest import byte_tokenizer
from tests.activations.test_distinct import ABSOLUTE, BASE, RELATIVE

SMALL: dict[str, Any] = {**BASE, "head_dim": 12}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    **RELATIVE,
    "gpt2": ABSOLUTE["gpt2"],
    "opt": ABSOLUTE["opt"],
    "gemma2": ("gemma2", {**SMALL, "sliding_window": 64}),
    "granite": ("granite", {**BASE, "residual_multiplier": 0.22}),
}
OTHERS = {"gemma2", "gemma3", "olmo2", "granite"}
"""Families whose layers add something else than what the MLP module writes."""


def random_model(name: str) -> PreTrainedModel:
    kind, values = FAMILIES[name]
    torch.manual_seed(0)
    attention = "eager" if name == "gemma2" else "sdpa"
    model: PreTrainedModel = AutoModelForCausalLM.from_config(
        CONFIG_MAPPING[kind](**values), attn_implementation=attention
    ).eval()
    with torch.no_grad():  # norms that do something, as trained ones do
        for path, parameter in model.named_parameters():
            if "norm" in path and "weight" in path:
                parameter.copy_(1 + torch.rand(parameter.shape))
    return model


def outputs_of(model: PreTrainedModel, ids: torch.Tensor, silent: int | None = None) -> list[torch.Tensor]:
    """The outputs of every layer; with the MLP of one layer writing zeros."""
    decoder = find_decoder(model)
    kept: list[torch.Tensor] = []
    handles = [
        layer.register_forward_hook(lambda m, a, out: kept.append(out if isinstance(out, torch.Tensor) else out[0]))
        for layer in decoder.layers
    ]
    if silent is not None:
        handles.append(decoder.mlps[silent].register_forward_hook(lambda m, a, out: torch.zeros_like(out)))
    with torch.no_grad():
        decoder.base(input_ids=ids, use_cache=False)
    for handle in handles:
        handle.remove()
    return kept


@pytest.mark.parametrize("name", FAMILIES)
def test_the_site_is_what_the_layer_adds(name: str) -> None:
    model = random_model(name)
    loaded = LoadedModel(name, model, byte_tokenizer(), add_bos=False)
    example = Example("red river", " yes", references=("yes",), id="e")
    names = ("mean", "variance", "max_abs")
    found = extract(
        loaded, [example], masks=("causal",), sites={"mlp_output": names, "mlp_contribution": names}
    ).scores[0, :, 0, 0]
    ids = torch.tensor([tokenize_example(loaded.tokenizer, example, bos=False).ids])
    whole = outputs_of(model, ids)
    for layer in range(len(find_decoder(model))):
        added = (whole[layer] - outputs_of(model, ids, silent=layer)[layer])[0].double().numpy()
        np.testing.assert_allclose(found[1, layer], reference(added, names).mean(0), rtol=2e-4, atol=2e-5)
    assert np.allclose(found[0], found[1], rtol=1e-3) == (name not in OTHERS)


def test_granite_multiplies() -> None:
    decoder = find_decoder(random_model("granite"))
    assert [entry.scale for entry in contributions(decoder, torch.device("cpu"))] == [0.22] * 3


def test_a_layer_that_adds_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model("llama")
    decoder = find_decoder(model)
    forward = decoder.layers[1].forward
    monkeypatch.setattr(decoder.layers[1], "forward", lambda *a, **k: torch.tanh(forward(*a, **k)))
    with pytest.raises(BenchmarkError, match=r"model mine: layer 1 adds no multiple .* take the site mlp_contribution"):
        contributions(decoder, torch.device("cpu"), "mine")
