"""The probe: what extraction and scoring rely on is tried on a tiny model before anything is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoModelForMultimodalLM,
    AutoTokenizer,
    PretrainedConfig,
)

from benchmark.errors import BenchmarkError
from benchmark.models import probe as probing
from benchmark.models.decoder import find_decoder
from benchmark.models.folder import describe
from benchmark.models.probe import probe, require_text_decoder
from tests.hub_server.models import train_tokenizer
from tests.models.test_decoder import CONFIGS, GROUPED, random_model

WORKS: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {},
    "mistral": {},
    "gemma": {},
    "gemma3_text": {},
    "olmo2": {},
    "gpt_neox": {},
    "gpt2": {},
    "opt": {},
    "phi3": {},
    "granite": {},
    "glm": {},
    "falcon": {},
    "mixtral": {},
    "qwen3_moe": {},
    "deepseek_v3": {},
    "cohere": {},
    "olmo3": {},
    "stablelm": {"use_parallel_residual": True},
}
FAILS: dict[str, tuple[str, dict[str, Any], str]] = {
    "falcon with ALiBi": ("falcon", {"alibi": True}, "falcon (ignores|gives|cannot be run)"),
    "gemma2": ("gemma2", {}, "gemma2 has no scaled-dot-product attention"),
    "bloom": ("bloom", {}, "bloom has no scaled-dot-product attention"),
    "mpt": ("mpt", {}, "mpt has no scaled-dot-product attention"),
    "gptj": ("gptj", {}, "gptj has no scaled-dot-product attention"),
    "gpt_oss": ("gpt_oss", {}, "gpt_oss has no scaled-dot-product attention"),
    "lfm2": (
        "lfm2",
        {"layer_types": ["conv", "full_attention"], "num_hidden_layers": 2},
        "lfm2 has layers whose tokens do not see all tokens before them by attention .conv.",
    ),
    "jamba": ("jamba", {"use_mamba_kernels": False}, "jamba has layers .* .linear_attention."),
    "paligemma's text": ("gemma", {"use_bidirectional_attention": True}, "gemma lets a token see those after it"),
    "bert": ("bert", {}, "bert lets a token see those after it"),
}
UNFIT = {
    "t5": "t5 is an encoder and a decoder, and one decoder is needed",
    "bart": "bart is an encoder and a decoder",
    "prophetnet": "prophetnet is an encoder and a decoder",
    "whisper": "whisper is an encoder and a decoder",
    "gemma3": "gemma3 holds other models beside its gemma3_text: use a text-only checkpoint, or take its language",
    "llava": "llava holds other models beside its llama: use a text-only checkpoint, or take its language model out",
    "smolvlm": "smolvlm holds other models beside its llama: use a text-only checkpoint",
    "qwen2_vl": "qwen2_vl holds other models beside its qwen2_vl_text, which transformers cannot run alone",
    "mamba": "mamba has layers .* .linear_attention.",
    "rwkv": "does not describe a decoder with attention .*: use a decoder-only transformer",
    "jamba": "jamba has layers .* .linear_attention.",
    "zamba2": "zamba2 has layers",
    "recurrent_gemma": "recurrent_gemma ",
    "vit": "'vit' is not a causal language model",
}


def tried(config: PretrainedConfig) -> None:
    require_text_decoder("m", config)
    probe("m", config)


@pytest.mark.parametrize("architecture", WORKS)
def test_architectures_that_do_what_is_asked(architecture: str) -> None:
    config: PretrainedConfig = CONFIG_MAPPING[architecture](**WORKS[architecture])
    assert probing._tiny("m", config) is not None  # what cannot be built would pass untried
    tried(config)


@pytest.mark.parametrize("case", FAILS)
def test_architectures_that_cannot_serve_are_refused_with_a_remedy(case: str) -> None:
    architecture, changes, line = FAILS[case]
    with pytest.raises(BenchmarkError, match=f"model m: {line}.*") as caught:
        tried(CONFIG_MAPPING[architecture](**changes))
    assert "use a" in str(caught.value)


@pytest.mark.parametrize("kind", UNFIT)
def test_what_is_no_decoder_of_text_is_refused_by_its_config(kind: str, tmp_path: Path) -> None:
    CONFIG_MAPPING[kind]().save_pretrained(tmp_path)
    with pytest.raises(BenchmarkError, match=UNFIT[kind]) as caught:
        describe("m", tmp_path, add_bos=None, mlp=None, shape=None)
    assert ": use a" in str(caught.value)
    assert "\n" not in str(caught.value)


SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "intermediate_size": 48,
    "vocab_size": 600,
}
EYES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "image_size": 28}


@pytest.mark.parametrize("kind", ["llava", "smolvlm", "gemma3"])
def test_the_language_model_of_a_multimodal_one_is_taken_out_as_the_docs_say(kind: str, tmp_path: Path) -> None:
    """The lines of docs/own-data.md, run as they stand there; then the two give the same logits."""
    text_type = CONFIG_MAPPING[kind]().get_text_config().model_type
    config = CONFIG_MAPPING[kind](
        text_config=SMALL | {"model_type": text_type}, vision_config=EYES | {"patch_size": 14}
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        AutoModelForMultimodalLM.from_config(config).save_pretrained(tmp_path / "whole")
    train_tokenizer("llama").save_pretrained(tmp_path / "whole")
    page = Path("docs/own-data.md").read_text(encoding="utf-8")
    lines = next(block for block in page.split("```") if block.startswith("python\n") and "Multimodal" in block)
    code = lines.removeprefix("python\n").replace('"WHOLE"', repr(str(tmp_path / "whole")))
    exec(code.replace('"TEXT"', repr(str(tmp_path / "text"))), {})
    assert describe("m", tmp_path / "text", add_bos=None, mlp=None, shape=None)["architecture"] == text_type
    ids = torch.tensor([[5, 6, 7, 8, 9, 10]])
    with torch.no_grad():
        whole = AutoModelForMultimodalLM.from_pretrained(tmp_path / "whole").eval()(input_ids=ids).logits
        alone = AutoModelForCausalLM.from_pretrained(tmp_path / "text").eval()(ids).logits
    torch.testing.assert_close(alone, whole)
    assert alone.std() > 0
    assert len(AutoTokenizer.from_pretrained(tmp_path / "text")) > 0


@pytest.mark.parametrize("architecture", CONFIGS)
def test_a_model_that_forgets_its_mask_or_its_cache_is_seen(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(architecture)
    assert probing._masks(model)
    assert probing._caches(model)
    forward = type(model).forward

    def deaf(self: nn.Module, ids: torch.Tensor, attention_mask: Any = None, **more: Any) -> Any:
        return forward(self, ids, attention_mask=None, **more)

    def shifted(self: nn.Module, ids: torch.Tensor, attention_mask: Any = None, **more: Any) -> Any:
        more.pop("past_key_values", None)
        return forward(self, ids, **more)

    monkeypatch.setattr(type(model), "forward", deaf)
    assert not probing._masks(model)
    monkeypatch.setattr(type(model), "forward", shifted)
    assert not probing._caches(model)


def test_a_model_that_cannot_be_made_small_is_not_built_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_narrow", probing._short)
    assert probing._tiny("m", CONFIG_MAPPING["deepseek_v3"]()) is None


LONGROPE = {"rope_type": "longrope", "short_factor": [1.0] * 4, "long_factor": [4.0] * 4}


@pytest.mark.parametrize(
    ("architecture", "rope", "context"),
    [
        ("phi3", LONGROPE | {"original_max_position_embeddings": 12}, 12),
        ("llama", {"rope_type": "dynamic", "factor": 4.0}, GROUPED["max_position_embeddings"]),
    ],
)
def test_within_the_context_positions_do_not_depend_on_what_follows(
    architecture: str, rope: dict[str, Any], context: int
) -> None:
    stated = {"original_max_position_embeddings": 12} if architecture == "phi3" else {}
    config = CONFIG_MAPPING[architecture](
        **GROUPED, **stated, rope_parameters={"rope_theta": 10000.0, **rope}, pad_token_id=0
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).eval()
    assert find_decoder(model).context == context
    ids = torch.arange(1, 61)[None]

    def start(count: int) -> torch.Tensor:
        with torch.no_grad():
            found: torch.Tensor = model(ids[:, :count], use_cache=False).logits[0, : context // 2]
        return found

    torch.testing.assert_close(start(context), start(context // 2), rtol=1e-4, atol=1e-4)
    if architecture == "phi3":  # which is why it ends there
        assert (start(context + 12) - start(context)).abs().max() > 1e-3
