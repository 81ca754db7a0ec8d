"""Models whose tokens depend on the length of the whole prompt are refused where they do, and right where not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Phi3Config, PreTrainedConfig

from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.likelihood import score
from benchmark.quality.quality import score_sets
from tests.quality import naive
from tests.quality.conftest import SHAPE, make_dataset, make_model, make_tokenizer
from tests.quality.test_likelihood import prompts

TOKENIZER = make_tokenizer(bos=False)


def longrope(original: int) -> PreTrainedConfig:
    half = 32 // 4 // 2
    rope = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0] * half, "long_factor": [9.0] * half}
    return Phi3Config(
        **SHAPE,
        num_key_value_heads=2,
        vocab_size=len(TOKENIZER),
        max_position_embeddings=256,
        original_max_position_embeddings=original,
        rope_parameters={**rope, "original_max_position_embeddings": original},
        pad_token_id=0,
    )


def dynamic(original: int) -> PreTrainedConfig:
    return LlamaConfig(
        **SHAPE,
        num_key_value_heads=2,
        vocab_size=len(TOKENIZER),
        max_position_embeddings=original,
        rope_parameters={"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 8.0},
    )


def random_model(config: PreTrainedConfig) -> LoadedModel:
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.copy_(torch.randn(parameter.shape) * 0.3)
    return LoadedModel("m", model, TOKENIZER, add_bos=False)


def test_frequencies_that_change_with_the_length_are_refused() -> None:
    loaded = random_model(longrope(16))
    rows, queries = prompts(loaded, make_dataset("phrases"))
    with pytest.raises(BenchmarkError, match=r"model m \(Phi3ForCausalLM\) .* change beyond 16 tokens"):
        score(loaded, rows, queries, Budget(200))


@pytest.mark.parametrize("config", [longrope(128), dynamic(128)])
def test_below_that_length_scores_are_those_of_plain_passes(config: PreTrainedConfig) -> None:
    loaded = random_model(config)
    rows, queries = prompts(loaded, make_dataset("phrases"))
    expected = naive.score(loaded, rows, queries)
    np.testing.assert_allclose(score(loaded, rows, queries, Budget(200)), expected, atol=1e-4)


def test_sets_with_the_same_leading_demonstrations() -> None:
    loaded, dataset = make_model("llama"), make_dataset("phrases", 9, 4)
    members = [[0, 1, 2, k] for k in range(3, 9)]
    found, _ = score_sets(loaded, dataset, members, range(4), Budget(4000))
    for row, values in zip(members, found, strict=True):
        alone, _ = score_sets(loaded, dataset, [row], range(4), Budget(4000))
        np.testing.assert_allclose(values, alone[0], atol=1e-4)
