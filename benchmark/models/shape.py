"""The shape of a decoder, read off its config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import BenchmarkError
from benchmark.models.parameters import Shape

if TYPE_CHECKING:
    from transformers import PretrainedConfig

INTERMEDIATE = ("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size")
UNGATED = frozenset({"gpt2", "gpt_neox", "gptj", "gpt_neo", "opt", "bloom", "falcon", "phi", "gpt_bigcode"})
"""Model types whose MLP has two matrices; everything newer has three."""


def shape_of(config: PretrainedConfig) -> Shape:
    """The shape that `config` describes; raises `BenchmarkError` for one that is not a decoder of the usual kind."""
    text = config.get_text_config()
    try:
        hidden, heads = int(text.hidden_size), int(text.num_attention_heads)
        widths = [width for name in INTERMEDIATE if (width := getattr(text, name, None))]
        return Shape(
            layers=int(text.num_hidden_layers),
            hidden=hidden,
            intermediate=int(widths[0]) if widths else 4 * hidden,
            heads=heads,
            kv_heads=int(getattr(text, "num_key_value_heads", None) or heads),
            head_dim=int(getattr(text, "head_dim", None) or hidden // heads),
            vocabulary=int(text.vocab_size),
            tied=bool(config.tie_word_embeddings),
            gated_mlp=text.model_type not in UNGATED,
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise BenchmarkError(
            f"a config of type {config.model_type!r} does not describe a decoder with attention ({error}): use a "
            f"decoder-only transformer"
        ) from error


def shape_in(folder: Path) -> Shape:
    """The shape that the config.json of a folder describes."""
    from transformers import AutoConfig

    return shape_of(AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True))


def require_shape(expected: Shape, found: Shape, name: str) -> None:
    """Raises `BenchmarkError` where the parameters' `shape` is not the model's: a plan made with it would be wrong."""
    for key, value in expected.model_dump().items():
        actual = getattr(found, key)
        if actual != value:
            raise BenchmarkError(f"model {name}: shape.{key} is {value} in the parameters, but {actual} in its config")


def attention_weights(shape: Shape) -> int:
    """Numbers in the matrices of one layer's attention: query, key, value, output."""
    return shape.hidden * shape.head_dim * (2 * shape.heads + 2 * shape.kv_heads)


def mlp_weights(shape: Shape) -> int:
    """Numbers in the matrices of one layer's MLP: three where it is gated, else two."""
    return shape.hidden * shape.intermediate * (3 if shape.gated_mlp else 2)


def weights(shape: Shape) -> int:
    """Numbers in all matrices (biases and norms, under 0.1 % of them, are left out)."""
    embeddings = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
    return shape.layers * (attention_weights(shape) + mlp_weights(shape)) + embeddings
