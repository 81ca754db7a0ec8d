"""What a loaded model can be asked, known before a stage computes: how long a prompt may be, what a site reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from benchmark.activations.reach import limit_context, require_contribution, require_rows
from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.likelihood import score
from benchmark.quality.prompts import Prefix, Query
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example
from tests.activations.conftest import byte_tokenizer
from tests.activations.test_distinct import BASE, PLAIN
from tests.quality import naive

ORIGINAL = 24
LONG: dict[str, Any] = {"short_factor": [1.0] * 6, "long_factor": [4.0] * 6}
ROPES: dict[str, tuple[str, dict[str, Any], int]] = {
    "longrope": ("phi3", {"rope_type": "longrope", **LONG, "original_max_position_embeddings": ORIGINAL}, ORIGINAL),
    "dynamic": ("llama", {"rope_type": "dynamic", "factor": 4.0}, 128),
    "yarn": ("llama", {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": ORIGINAL}, 128),
    "linear": ("llama", {"rope_type": "linear", "factor": 8.0}, 128),
    "llama3": ("llama", {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": ORIGINAL}, 128),
}  # fmt: skip


def make(kind: str, **values: Any) -> LoadedModel:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[kind](**values), attn_implementation="sdpa").eval()
    return LoadedModel(kind, model, byte_tokenizer(), add_bos=False)


@pytest.mark.parametrize("name", ROPES)
def test_no_prompt_is_scored_whose_numbers_depend_on_its_neighbours(name: str) -> None:
    """Prompts on both sides of the length where frequencies may change, in batches of one and of all."""
    kind, rope, context = ROPES[name]
    more = {"original_max_position_embeddings": ORIGINAL} if kind == "phi3" else {}
    loaded = make(kind, **BASE, **more, rope_parameters={"rope_theta": 10000.0, **rope})
    limit_context(loaded)
    assert loaded.model.config.max_position_embeddings == context
    queries = [Query("q", (7, 8, 9, 10), ((11, 12), (13,)), 0)]
    for lengths in ((5, ORIGINAL - 6), (5, ORIGINAL - 6, ORIGINAL + 6)):
        prefixes = [Prefix(f"c{length}", tuple(range(1, length + 1))) for length in lengths]
        for tokens in (1, 4096):
            if max(lengths) + queries[0].longest() > context:
                with pytest.raises(
                    BenchmarkError, match=rf"candidate c30 and query q takes 36 tokens, .* holds {context}"
                ):
                    score(loaded, prefixes, queries, Budget(tokens))
            else:
                found = score(loaded, prefixes, queries, Budget(tokens))
                assert abs(found - naive.score(loaded, prefixes, queries)).max() < 1e-4


def test_a_module_that_attention_and_mlp_share_tells_no_contribution() -> None:
    phi, llama = make("phi", **PLAIN), make("llama", **BASE)
    with pytest.raises(BenchmarkError, match=r"model phi: .* PhiModel .* take the site mlp_contribution out"):
        require_contribution(phi, ("mlp_output", "mlp_contribution"))
    require_contribution(phi, ("mlp_output",))
    require_contribution(llama, ("mlp_contribution",))


def test_a_token_that_the_embedding_lacks_is_named_with_its_example() -> None:
    loaded = make("llama", **{**BASE, "vocab_size": 257})
    loaded.tokenizer.add_tokens(["<extra>"])
    texts = ("a red river", "a blue <extra> river")
    pool = tuple(Example(text, " yes", references=("yes",), id=f"e{i}") for i, text in enumerate(texts))
    dataset = Dataset("mine", "generative", "exact_match", "\n", "\n", 5, pool[:1], pool[:1])
    require_rows(loaded, dataset)
    with pytest.raises(BenchmarkError, match=r"example e1 of mine has the token '<extra>' \(257\), .* has 257"):
        require_rows(loaded, replace(dataset, queries=pool))
