"""What is computed once for equal things: the scores of the plain way, for models of every kind of positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from benchmark.activations.distinct import places_do_not_matter
from benchmark.activations.extraction import extract
from benchmark.activations.group import Thresholds
from benchmark.activations.masks import MASKS
from benchmark.errors import BenchmarkError
from benchmark.models.decoder import find_decoder
from benchmark.models.loading import LoadedModel
from benchmark.models.probe import probe
from benchmark.tasks.example import Example
from tests.activations.conftest import SHAPE, byte_tokenizer
from tests.activations.test_extraction import MLP, TOLERANCE, drift

BASE = {**SHAPE, "pad_token_id": None, "bos_token_id": 0, "eos_token_id": 0}
PLAIN = {name: value for name, value in BASE.items() if name != "num_key_value_heads"}
FALCON: dict[str, Any] = {
    **PLAIN, "ffn_hidden_size": 96, "attention_dropout": 0.0, "hidden_dropout": 0.0, "alibi": False,
}  # fmt: skip
RELATIVE: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", BASE),
    "qwen2": ("qwen2", BASE),
    "qwen3": ("qwen3", {**BASE, "head_dim": 12}),
    "gemma3": ("gemma3_text", {**BASE, "head_dim": 12, "sliding_window": 64, "layer_types": [
        "sliding_attention", "full_attention", "sliding_attention"]}),
    "neox": ("gpt_neox", PLAIN),
    "phi3": ("phi3", BASE),
    "olmo2": ("olmo2", BASE),
    "falcon": ("falcon", FALCON),
}  # fmt: skip
LONG_ROPE = {
    **BASE,
    "original_max_position_embeddings": 24,
    "rope_parameters": {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * 6,
        "long_factor": [4.0] * 6,
        "original_max_position_embeddings": 24,
    },
}
ABSOLUTE: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", {"vocab_size": 300, "n_embd": 48, "n_inner": 96, "n_layer": 3, "n_head": 4, "n_positions": 128,
                      "initializer_range": 0.2}),
    "opt": ("opt", {**PLAIN, "ffn_dim": 96, "word_embed_proj_dim": 48, "init_std": 0.2, "dropout": 0.0}),
    "longrope": ("phi3", LONG_ROPE),
}  # fmt: skip
SITES = {"mlp_output": MLP, "residual": ("max_abs", "max_sequence_ratio")}
LIMITS = Thresholds(1.0, 5.0)


def make(name: str) -> LoadedModel:
    kind, values = (RELATIVE | ABSOLUTE)[name]
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[kind](**values), attn_implementation="sdpa").eval()
    return LoadedModel(name, model, byte_tokenizer(), add_bos=False)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """The shapes of the ids of every pass that extraction makes."""
    from benchmark.activations.capture import Capture

    seen: list[torch.Size] = []
    original = Capture._pass

    def watched(self: Capture, input_ids: torch.Tensor, *rest: Any) -> None:
        seen.append(input_ids.shape)
        original(self, input_ids, *rest)

    monkeypatch.setattr(Capture, "_pass", watched)
    return seen


@pytest.mark.parametrize("name", [*RELATIVE, "gpt2", "opt"])
def test_scores_are_those_of_the_plain_way(name: str, examples: list[Example], passes: list[torch.Size]) -> None:
    loaded = make(name)
    kwargs: dict[str, Any] = {"masks": tuple(MASKS), "sites": SITES, "poolings": ("mean", "max"), "thresholds": LIMITS}
    plain = extract(loaded, examples, plain=True, **kwargs)
    computed = sum(shape.numel() for shape in passes)
    passes.clear()
    short = extract(loaded, examples, **kwargs)
    assert drift(short.scores, plain.scores, plain.statistics) < TOLERANCE
    if name in RELATIVE:
        assert sum(shape.numel() for shape in passes) < 0.8 * computed
    else:
        assert sum(shape.numel() for shape in passes) == computed


def test_falcon_with_alibi_is_refused_before_anything_is_extracted() -> None:
    config = CONFIG_MAPPING["falcon"](**FALCON | {"alibi": True})
    with pytest.raises(BenchmarkError, match=r"^model m: falcon .*: use a model whose architecture can") as caught:
        probe("m", config)
    assert "\n" not in str(caught.value)
    probe("m", CONFIG_MAPPING["falcon"](**FALCON))


@pytest.mark.parametrize("name", [*RELATIVE, *ABSOLUTE])
def test_the_model_itself_says_whether_places_matter(name: str) -> None:
    decoder, device = find_decoder(make(name).model), torch.device("cpu")
    assert places_do_not_matter(decoder, 60, device) == (name in RELATIVE)


def test_positions_that_change_with_the_length_are_seen_at_that_length() -> None:
    decoder, device = find_decoder(make("longrope").model), torch.device("cpu")
    assert places_do_not_matter(decoder, 20, device)
    assert not places_do_not_matter(decoder, 60, device)
    assert not places_do_not_matter(decoder, 20, device), "what was seen once stays known"


def test_equal_things_have_equal_bits_in_any_batch(examples: list[Example]) -> None:
    """Targets: three in the pool, each in candidates of many lengths. Tokens: the same words in another pool."""
    loaded = make("llama")
    own = tuple(name for name in MLP if name not in ("max_sequence_ratio", "massive_count"))
    kwargs: dict[str, Any] = {"sites": {"mlp_output": own}, "poolings": ("mean", "max")}
    scores = extract(loaded, examples, masks=("causal", "target_isolated", "self"), token_budget=90, **kwargs)
    isolated = scores.scores[:, 0, 1]
    for target in {example.target for example in examples}:
        rows = [i for i, example in enumerate(examples) if example.target == target]
        assert len(rows) > 2
        np.testing.assert_array_equal(isolated[rows], isolated[rows[:1]].repeat(len(rows), 0))
    assert len(np.unique(isolated[:, 0, 0, 0])) == len({example.target for example in examples})
    other = extract(loaded, examples[3:9], masks=("causal", "target_isolated", "self"), token_budget=4096, **kwargs)
    np.testing.assert_array_equal(other.scores[:, :, 1:], scores.scores[3:9, :, 1:])


def test_long_targets_and_inputs_of_one_token() -> None:
    loaded = make("llama")
    long = [
        Example("ab"[: 1 + i % 2], " word" * (1 + 3 * (i % 5)), references=("x",), label="x", id=f"e{i}")
        for i in range(12)
    ]
    plain, short = (
        extract(loaded, long, sites=SITES, poolings=("mean", "max"), thresholds=LIMITS, plain=plain, token_budget=200)
        for plain in (True, False)
    )
    assert drift(short.scores, plain.scores, plain.statistics) < TOLERANCE


def test_only_some_masks(examples: list[Example]) -> None:
    """Without the causal pass there is none that could read a target's inputs."""
    loaded = make("llama")
    for masks in (("target_isolated",), ("self",), ("input", "target_isolated"), ("self", "target", "prefix")):
        short, plain = (extract(loaded, examples, masks=masks, sites=SITES, plain=plain) for plain in (False, True))
        assert drift(short.scores, plain.scores, plain.statistics) < TOLERANCE


def test_weights_that_change_after_loading_are_read_anew(examples: list[Example]) -> None:
    loaded = make("llama")
    before = extract(loaded, examples, masks=("self",)).scores
    with torch.no_grad():
        find_decoder(loaded.model).mlps[0].down_proj.weight.mul_(2)  # type: ignore[union-attr, operator]
    assert not np.allclose(extract(replace(loaded), examples, masks=("self",)).scores, before)
