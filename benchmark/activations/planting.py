"""A massive activation put into a model on purpose: a control that the statistics must see.

planted = plant_massive_dimension(model, layer=2, dimension=5, magnitude=2000.0)               at position 0
planted = plant_massive_dimension(model, 2, 5, torch.linspace(0, 2000, vocabulary))            by the token there
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.errors import BenchmarkError
from benchmark.models.decoder import find_decoder


class PlantedDimension(nn.Module):
    """An MLP whose output is larger in one dimension, by an amount that each token id has of its own."""

    amounts: Tensor

    def __init__(self, mlp: nn.Module, dimension: int, amounts: Tensor, position: int | None) -> None:
        super().__init__()
        self.mlp, self.dimension, self.position = mlp, dimension, position
        self.register_buffer("amounts", amounts)
        self.extra = torch.empty(0)

    def see_tokens(self, _: nn.Module, arguments: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
        """A forward pre-hook of the whole model: this pass's token ids, before any layer runs."""
        ids = named["input_ids"] if "input_ids" in named else arguments[0]
        self.extra = self.amounts[ids]
        if self.position is not None:
            elsewhere = torch.arange(ids.shape[1], device=ids.device) != self.position
            self.extra = self.extra.masked_fill(elsewhere, 0.0)

    def forward(self, *arguments: Any, **named: Any) -> Tensor:
        output: Tensor = self.mlp(*arguments, **named).clone()
        output[..., self.dimension] += self.extra.to(output.dtype).view(output.shape[:-1])
        return output


def plant_massive_dimension(
    model: nn.Module,
    layer: int,
    dimension: int,
    magnitude: float | Tensor,
    *,
    position: int | None = 0,
    mlp: str | None = None,
) -> nn.Module:
    """A copy of `model` whose `layer` writes `magnitude` more into `dimension` of its MLP output.

    `magnitude`: a number, or one for every token id [vocabulary], so that a candidate's score has a known cause.
    `position`: where in a row, by default the first, as in real models; None: everywhere. `mlp` as in `find_decoder`.
    `model` is left as it is. Raises `BenchmarkError` for a layer, a dimension or a vocabulary that it does not have.
    """
    planted = copy.deepcopy(model)
    decoder = find_decoder(planted, mlp=mlp)
    config: Any = decoder.base.config
    if not 0 <= layer < len(decoder):
        raise BenchmarkError(f"there is no layer {layer} to plant in: the model has layers 0 to {len(decoder) - 1}")
    if not 0 <= dimension < decoder.hidden_size:
        raise BenchmarkError(f"there is no dimension {dimension} to plant in: the model has {decoder.hidden_size}")
    amounts = torch.as_tensor(magnitude, dtype=torch.float32)
    if amounts.ndim and len(amounts) != config.vocab_size:
        raise BenchmarkError(f"{len(amounts)} magnitudes were given for a vocabulary of {config.vocab_size}")
    device = next(planted.parameters()).device
    target = decoder.mlps[layer]
    for parent in decoder.layers[layer].modules():
        for name, child in parent.named_children():
            if child is target:
                wrapped = PlantedDimension(target, dimension, amounts.expand(config.vocab_size).to(device), position)
                decoder.base.register_forward_pre_hook(wrapped.see_tokens, with_kwargs=True)
                setattr(parent, name, wrapped)
                return planted
    raise BenchmarkError(f"the MLP of layer {layer} lies outside its layer: nothing can be planted there")
