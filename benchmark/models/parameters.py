"""Parameters of a model that is not embedded: one from a hub, pinned by commit, or one in a local folder."""

from __future__ import annotations

from typing import Literal

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


class HubModel(Section):
    """A causal language model of a hub: safetensors of one commit."""

    source: Literal["hub"]
    repository: str = Field(pattern=REPOSITORY, description="owner/name on the hub")
    revision: str = Field(pattern=COMMIT, description="the commit: 40 hexadecimal digits")
    add_bos: bool | None = Field(
        default=None, description="whether a prompt starts with BOS; null: as the model's tokenizer does by itself"
    )
    mlp: str | None = Field(
        default=None,
        description="regular expression of the MLP modules' names, one a layer; null: they are found by themselves",
    )
    shape: Shape | None = Field(
        default=None, description="for a plan made before anything is fetched; null: read off the fetched config"
    )


class LocalModel(Section):
    """A causal language model in a folder of this machine, as `save_pretrained` writes it."""

    source: Literal["local"]
    path: str = Field(min_length=1, description="the folder: config.json, *.safetensors, tokenizer.json")
    add_bos: bool | None = Field(
        default=None, description="whether a prompt starts with BOS; null: as the model's tokenizer does by itself"
    )
    mlp: str | None = Field(
        default=None,
        description="regular expression of the MLP modules' names, one a layer; null: they are found by themselves",
    )
    shape: Shape | None = Field(default=None, description="for a plan; null: read off the folder's config")
    licence: str | None = Field(default=None, description="recorded with the results")
