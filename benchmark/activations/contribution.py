"""What a layer adds to the residual stream for its MLP: the module's output, and what a norm or a scale makes of it.

    adds = contributions(decoder, device)
    adds[3].module, adds[3].scale      the layer adds `scale` times what `module` writes

In most families the layer adds what the MLP module writes. OLMo-2 and Gemma-2 and -3 have a norm after it, Granite
multiplies by a number. No list of names says so; the model is run on a few tokens: which module takes the MLP's output,
and what becomes of a change of it in the layer's output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from benchmark.errors import BenchmarkError
from benchmark.models.decoder import Decoder

TOKENS = 4
DIGITS = 4  # of a scale: configurations have two or three
CLOSE = 1e-2  # how far from a multiple of the change the change of the output may be


@dataclass(frozen=True, slots=True)
class Contribution:
    """A layer adds `scale` times the output of `module`."""

    module: nn.Module
    scale: float


_known: WeakKeyDictionary[nn.Module, tuple[Contribution, ...]] = WeakKeyDictionary()


def contributions(decoder: Decoder, device: torch.device, name: str = "model") -> tuple[Contribution, ...]:
    """One for each layer; asked once for a model. Raises `BenchmarkError` where a layer adds no multiple of it."""
    if decoder.base not in _known:
        modules = _last_modules(decoder, device)
        scales = _scales(decoder, modules, device, name)
        _known[decoder.base] = tuple(map(Contribution, modules, scales))
    return _known[decoder.base]


def _first(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    return output[0] if isinstance(output, tuple) else output


def _is_same(value: Any, other: Tensor) -> bool:
    return isinstance(value, Tensor) and value.data_ptr() == other.data_ptr() and value.numel() == other.numel()


@torch.inference_mode()
def _run(decoder: Decoder, device: torch.device) -> None:
    decoder.base(input_ids=torch.arange(1, TOKENS + 1, device=device)[None], use_cache=False)


def _last_modules(decoder: Decoder, device: torch.device) -> list[nn.Module]:
    """From each MLP on, the child of the layer that took the output, as long as there is one."""
    last: list[nn.Module] = list(decoder.mlps)
    outputs: list[Tensor | None] = [None] * len(decoder)  # held, so that no other tensor takes their place in memory

    def follow(layer: int) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, arguments: Any, output: Any) -> None:
            before = outputs[layer]
            if module is decoder.mlps[layer] or (before is not None and arguments and _is_same(arguments[0], before)):
                last[layer], outputs[layer] = module, _first(output)

        return hook

    handles = [
        child.register_forward_hook(follow(layer))
        for layer, (module, mlp) in enumerate(zip(decoder.layers, decoder.mlps, strict=True))
        for child in dict.fromkeys((*module.children(), mlp))
    ]
    try:
        _run(decoder, device)
    finally:
        for handle in handles:
            handle.remove()
    return last


def _scales(decoder: Decoder, modules: list[nn.Module], device: torch.device, name: str) -> list[float]:
    """What a change of each module's output is multiplied by in the output of its layer, run a second time."""
    change: list[Tensor] = []
    changing = False
    found: list[float] = []

    def disturb(module: nn.Module, arguments: Any, output: Any) -> Any:
        if not changing:
            return None
        written = _first(output)
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(written.shape, generator=generator).to(written.device, written.dtype)
        change.append(noise * (written.abs().mean() + 1))
        moved = written + change[-1]
        return (moved, *output[1:]) if isinstance(output, tuple) else moved

    def compare(module: nn.Module, arguments: Any, named: Any, output: Any) -> None:
        nonlocal changing
        changing = True
        moved = _first(module.forward(*arguments, **named))
        changing = False
        difference = (moved.double() - _first(output).double()).flatten()
        added = change.pop().double().flatten()
        scale = float(difference @ added / (added @ added))
        if not float((difference - scale * added).norm()) <= CLOSE * max(abs(scale), 1e-6) * float(added.norm()):
            raise BenchmarkError(
                f"model {name}: layer {len(found)} adds no multiple of what its {type(modules[len(found)]).__name__} "
                f"writes: take the site mlp_contribution out of extraction.sites"
            )
        found.append(float(f"{scale:.{DIGITS}g}"))

    handles = [module.register_forward_hook(disturb) for module in modules]
    handles += [layer.register_forward_hook(compare, with_kwargs=True) for layer in decoder.layers]
    try:
        _run(decoder, device)
    finally:
        for handle in handles:
            handle.remove()
    return found
