"""What parameters of models have in common."""

from __future__ import annotations

from pydantic import Field

from benchmark.section import Section

COMMIT = r"^[0-9a-f]{40}$"
REPOSITORY = r"^[\w.-]+/[\w.-]+$"


class Shape(Section):
    """What of a decoder decides its cost. Checked against the model's own config when that is fetched."""

    layers: int = Field(ge=1, description="decoder layers")
    hidden: int = Field(ge=1, description="width of the residual stream")
    intermediate: int = Field(ge=1, description="width inside the MLP")
    heads: int = Field(ge=1, description="attention heads")
    kv_heads: int = Field(ge=1, description="key and value heads")
    head_dim: int = Field(ge=1, description="width of one head")
    vocabulary: int = Field(ge=1, description="rows of the embedding")
    tied: bool = Field(description="whether the output embedding is the input embedding")
    gated_mlp: bool = Field(default=True, description="three matrices in the MLP (gate, up, down), not two")
