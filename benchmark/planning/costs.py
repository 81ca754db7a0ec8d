"""FLOPs and bytes of a decoder, from its shape. A multiplication with its addition is two FLOPs, as torch counts."""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.models.parameters import Shape
from benchmark.models.shape import attention_weights, mlp_weights, weights
from benchmark.planning.passes import Pass, Work
from benchmark.quality.context import HEAD

DTYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def flops(shape: Shape, work: Work) -> int:
    """Matrix products: 2 x weights a token, 4 x heads x head_dim a pair and layer, the head where logits are wanted.

    A pair that a causal kernel skips is counted, as `torch.utils.flop_counter` counts it.
    """
    linear = 2 * work.tokens * (shape.layers * attention_weights(shape) + (shape.layers - 1) * mlp_weights(shape))
    linear += 2 * work.last * mlp_weights(shape)
    attention = 4 * work.pairs * shape.layers * shape.heads * shape.head_dim
    return linear + attention + 2 * work.logits * shape.hidden * shape.vocabulary


def key_value_bytes(shape: Shape, tokens: int, dtype: str) -> int:
    """Keys and values of so many tokens in all layers."""
    return 2 * tokens * shape.layers * shape.kv_heads * shape.head_dim * DTYPE_BYTES[dtype]


def pass_bytes(shape: Shape, each: Pass, dtype: str) -> int:
    """What a pass needs beside the weights at its peak: stored keys and values, one layer's work, mask, logits.

    An estimate: keys and values that come before it, and its own, for all layers; the widest moment of a layer (MLP
    in, gate, up, product and the residual stream, or keys and values repeated for all heads); the mask; float32 logits.
    In small models it is within a third of the bytes that live at once (tests/planning/test_costs.py).
    """
    size = DTYPE_BYTES[dtype]
    tokens, keys = each.rows * each.tokens, each.rows * (each.past + each.tokens)
    stored = key_value_bytes(shape, tokens, dtype) + key_value_bytes(shape, each.past, dtype)
    mlp = tokens * (3 * shape.hidden + 3 * shape.intermediate)
    attention = 2 * keys * shape.head_dim * (shape.heads + shape.kv_heads) + 4 * tokens * shape.hidden
    mask = tokens * (each.past + each.tokens)
    head = min(each.logits * shape.vocabulary, HEAD)
    return stored + max(size * (max(mlp, attention) + mask), head * (size + 4))


def peak_bytes(shape: Shape, passes: Iterable[Pass], dtype: str) -> int:
    """Weights and the largest pass; 0 passes need nothing."""
    largest = max((pass_bytes(shape, each, dtype) for each in passes), default=0)
    return weights(shape) * DTYPE_BYTES[dtype] + largest if largest else 0
