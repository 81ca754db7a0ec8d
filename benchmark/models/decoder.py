"""Where a decoder-only transformer keeps its layers, and which module writes each layer's MLP output.

    decoder = find_decoder(model)
    decoder.base(input_ids)              no lm_head
    decoder.mlps[3], decoder.layers[3]   what a hook goes on

Found from the config's number of layers and the child that a layer calls its MLP: Llama, Qwen, Mistral, Gemma, OLMo,
GPT-NeoX, GPT-2, Phi (`mlp`), OPT (`fc2`, the second half of an MLP that has no module of its own). Where that fails,
a regular expression of module names says it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from torch import nn

from benchmark.errors import BenchmarkError

MLP_NAMES = ("mlp", "feed_forward", "ffn", "fc2")


@dataclass(frozen=True, slots=True)
class Decoder:
    """`base`: the model without lm_head; `layers` and `mlps`: a module for each layer, in order."""

    base: nn.Module
    layers: tuple[nn.Module, ...]
    mlps: tuple[nn.Module, ...]
    hidden_size: int
    context: int

    def __len__(self) -> int:
        return len(self.layers)


def find_decoder(model: nn.Module, *, name: str = "model", mlp: str | None = None) -> Decoder:
    """The parts of a transformers causal language model.

    `mlp` is a regular expression that matches the full names of the MLP modules, one a layer, as `named_modules` of
    the base model has them. Raises `BenchmarkError` where the modules cannot be told.
    """
    base: nn.Module = getattr(model, "base_model", model)
    config: Any = base.config
    n_layers = getattr(config, "num_hidden_layers", None)
    stacks = [
        (path, module)
        for path, module in base.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == n_layers
    ]
    remedy = f"set models.{name}.mlp to a regular expression that matches the MLP module of each layer"
    if mlp is not None:
        mlps, stack = _by_pattern(base, mlp, name, [path for path, _ in stacks])
        layers = tuple(dict(stacks)[stack])
    else:
        found = [(layers, [_child(layer) for layer in layers]) for _, layers in stacks]
        complete = [(tuple(layers), children) for layers, children in found if None not in children]
        if len(complete) != 1:
            raise BenchmarkError(f"model {name}: no MLP is known for {type(base).__name__}: {remedy}")
        layers, children = complete[0]
        mlps = tuple(child for child in children if child is not None)
    return Decoder(base, layers, mlps, int(config.hidden_size), _context(config))


def _child(layer: nn.Module) -> nn.Module | None:
    children = dict(layer.named_children())
    return next((children[name] for name in MLP_NAMES if name in children), None)


def _by_pattern(base: nn.Module, pattern: str, name: str, stacks: list[str]) -> tuple[tuple[nn.Module, ...], str]:
    """The matching modules in order of their layers, and the path of the stack of layers that they lie in."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise BenchmarkError(f"models.{name}.mlp: {pattern!r} is no regular expression ({error})") from error
    matched = {path: module for path, module in base.named_modules() if compiled.fullmatch(path)}
    for stack in stacks:
        inside = {
            int(path[len(stack) + 1 :].split(".")[0]): module
            for path, module in matched.items()
            if re.match(rf"{re.escape(stack)}\.\d+\.", path)
        }
        if len(inside) == len(matched) == len(base.get_submodule(stack)):  # type: ignore[arg-type]
            return tuple(inside[i] for i in sorted(inside)), stack
    examples = [path for path, _ in base.named_modules() if re.search(r"\.0\.[^.]+$", path)]
    raise BenchmarkError(
        f"models.{name}.mlp: {pattern!r} matches {len(matched)} modules, not one in each layer; "
        f"the modules of layer 0 are {', '.join(examples) or 'unknown'}"
    )


def _context(config: object) -> int:
    """Tokens that every layer sees at once: the trained positions, or a sliding window where a layer has one.

    Where positions beyond some length change those before it (dynamic and longrope scaling), it ends there: within it,
    a text has the same numbers alone, in a batch and behind a cache.
    """
    context = int(getattr(config, "max_position_embeddings", 0) or 0)
    window = getattr(config, "sliding_window", None)
    kinds = getattr(config, "layer_types", None) or ["sliding_attention"]
    if window and any("sliding" in kind for kind in kinds):
        context = min(context, int(window)) if context else int(window)
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in ("dynamic", "longrope"):
        stated = rope.get("original_max_position_embeddings")
        original = int(stated or getattr(config, "original_max_position_embeddings", 0) or 0)
        context = min(context, original) if original and context else context
    return context or 2**31
