"""A real language model with a real massive activation: SmolLM2, layer 11, channel 507, position 0."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.activations.extraction import extract
from benchmark.models.decoder import find_decoder
from benchmark.models.loading import LoadedModel
from benchmark.tasks.example import Example
from tests.activations.test_extraction import MLP, drift
from tests.smollm2 import load_smollm2

LAYER, CHANNEL = 11, 507
REVIEWS = (
    ("A warm, funny film that earns every one of its tears.", " positive"),
    ("Two hours of nothing, and then it ends.", " negative"),
    ("The leads have no chemistry and the script gives them nothing to say.", " negative"),
    ("I left the cinema grinning.", " positive"),
    ("Beautifully shot, sharply written.", " positive"),
    ("Dull.", " negative"),
)
EXAMPLES = [
    Example(f"Review: {text}\nSentiment:", target, references=(target,), label=target.strip(), id=f"r{i}")
    for i, (text, target) in enumerate(REVIEWS)
]


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load_smollm2(tmp_path_factory.mktemp("smollm2"))


@pytest.mark.slow
def test_its_massive_activation_is_found(smollm2: LoadedModel) -> None:
    sites = {"mlp_output": ("max_abs", "max_median_ratio", "max_sequence_ratio", "massive_count")}
    found = extract(smollm2, EXAMPLES, masks=("causal", "no_sink"), sites=sites, poolings=("max",)).scores[:, 0, :, 0]
    peak, own, whole, count = np.moveaxis(found[:, 0], -1, 0)  # [candidate, layer]
    assert (peak[:, LAYER] > 10000).all()
    assert (peak[:, :LAYER] < 1000).all()
    assert (own[:, LAYER] < 1000).all(), "its own token is large throughout: that ratio sees nothing massive"
    assert (whole[:, LAYER] > 10000).all()
    assert (count[:, LAYER] >= 1).all()
    assert (found[:, 1, LAYER, 3] >= 1).all(), "without the sink, other tokens become it, and are massive in its place"
    outputs: list[torch.Tensor] = []
    handle = find_decoder(smollm2.model).mlps[LAYER].register_forward_hook(lambda m, a, out: outputs.append(out[0]))
    with torch.no_grad():
        smollm2.model(smollm2.tokenizer(EXAMPLES[0].input, return_tensors="pt")["input_ids"])
    handle.remove()
    place = divmod(int(outputs[0].abs().argmax()), outputs[0].shape[1])
    assert place == (0, CHANNEL)


@pytest.mark.slow
def test_its_scores_are_those_of_the_plain_way(smollm2: LoadedModel) -> None:
    sites = {"mlp_output": MLP, "residual": ("max_abs", "max_sequence_ratio", "massive_count")}
    plain, short = (extract(smollm2, EXAMPLES, sites=sites, plain=plain) for plain in (True, False))
    assert drift(short.scores, plain.scores, plain.statistics) < 1e-4
    print(f"\nlargest difference from the plain way: {drift(short.scores, plain.scores, plain.statistics):.1e}")
