"""How large a rehearsal is: with the true widths of the paper's models, or as small as a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["llama", "qwen2"]


@dataclass(frozen=True)
class Scale:
    """`models`: config of each; `ordinary`: ids before the special tokens; `datasets`: names of the profile's;
    `threads`: as in params.yaml.
    """

    models: dict[Kind, dict[str, Any]]
    ordinary: dict[Kind, int | None]
    datasets: tuple[str, ...]
    pool: int
    queries: int
    shard_size: str
    threads: int | None = None
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    claim: dict[str, Any] = field(default_factory=dict)


OFFLINE: dict[str, Any] = {"features": ["tfidf", "statistics", "hidden"], "embedder": None}
"""The encoder of sentences comes from a package index, and a rehearsal asks nobody."""
SECTIONS: dict[str, dict[str, Any]] = {
    "extraction": {"token_budget": 1024, "shard": 8},
    "quality": {"token_budget": 1024, "shard": 6, "sets": 4, "set_sizes": [2]},
    "selection": {"shots": [1, 2], "random_draws": 10} | OFFLINE,
    "timing": {"rounds": 3},
}
CLAIM = {"permutations": 100, "bootstrap": 100, "splits": 20}

TRUE = Scale(
    models={
        "llama": {
            "hidden_size": 3072,
            "intermediate_size": 8192,
            "num_hidden_layers": 1,
            "num_attention_heads": 24,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "tie_word_embeddings": True,
            "max_position_embeddings": 131072,
            "rope_theta": 500000.0,
        },
        "qwen2": {
            "hidden_size": 2048,
            "intermediate_size": 11008,
            "num_hidden_layers": 1,
            "num_attention_heads": 16,
            "num_key_value_heads": 2,
            "tie_word_embeddings": True,
            "max_position_embeddings": 32768,
            "rope_theta": 1000000.0,
        },
    },
    ordinary={"llama": 128000, "qwen2": 151643},
    datasets=("boolq", "arc_challenge", "openbookqa", "gsm8k"),
    pool=6,
    queries=4,
    shard_size="600MB",  # more than one file, as the real ones
    # beyond one shot, selection would score 140 sets of demonstrations: hours on a CPU; the small form does
    sections=SECTIONS
    | {
        "selection": {"shots": [1], "random_draws": 10} | OFFLINE,
        "extraction": {"token_budget": 4096, "shard": 8},
        "quality": {"token_budget": 4096, "shard": 8, "sets": 2, "set_sizes": [2]},
    },
    claim=CLAIM,
)
"""Widths, heads and vocabularies of Llama-3.2-3B and Qwen2.5-3B, one layer of each."""

SMALL = Scale(
    models={"llama": {}, "qwen2": {"tie_word_embeddings": True}},
    ordinary={"llama": None, "qwen2": None},
    datasets=("arc_challenge", "gsm8k"),
    pool=200,  # at 120 one planted score had its lower limit at 0.3285, below the bound
    queries=8,
    shard_size="40KB",
    threads=1,  # tiny products: on busy cores, two threads wait for each other most of the time
    sections=SECTIONS | {"extraction": {"token_budget": 4096, "shard": 40}},
    claim=CLAIM,
)
