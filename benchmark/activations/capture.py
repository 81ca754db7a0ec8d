"""Statistics taken inside the forward pass: each layer's output is reduced in a hook, and nothing of it is kept.

with Capture(decoder, {"mlp_output": {"moments", "massive"}}, kernel, thresholds, ("mean", "max")) as capture:
    pooled = capture.run(input_ids, mask, positions)     float64 [batch, site, strategy, pooling, layer, statistic]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from benchmark.activations.kernels import Kernel
from benchmark.activations.statistics import STATISTICS, Group, Thresholds
from benchmark.errors import BenchmarkError
from benchmark.models.decoder import Decoder


def mean_over(values: Tensor, positions: Tensor) -> Tensor:
    """float64 [batch, token, statistic], bool [strategy, batch, token] -> float64 [strategy, batch, statistic]"""
    weights = positions.double()
    return torch.einsum("sbt,btk->sbk", weights, values) / weights.sum(-1, keepdim=True)


def max_over(values: Tensor, positions: Tensor) -> Tensor:
    """As `mean_over`, the largest in place of the mean."""
    return torch.where(positions[..., None], values, -torch.inf).amax(-2)


POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mean": mean_over, "max": max_over}


class Capture:
    """Hooks on every layer for as long as the block lasts. `name` is the model's, for errors."""

    def __init__(
        self,
        decoder: Decoder,
        sites: Mapping[str, frozenset[Group]],
        kernel: Kernel,
        thresholds: Thresholds,
        poolings: Sequence[str],
        name: str = "model",
    ) -> None:
        self.decoder, self.sites, self.kernel, self.thresholds = decoder, dict(sites), kernel, thresholds
        self.poolings = tuple(poolings)
        self.name = name
        self._handles: list[RemovableHandle] = []
        self._pooled: dict[tuple[str, int], Tensor] = {}
        self._positions = torch.empty(0)
        self._rows: Tensor | None = None

    def __enter__(self) -> Capture:
        modules: dict[str, tuple[nn.Module, ...]] = {"mlp_output": self.decoder.mlps, "residual": self.decoder.layers}
        for site, groups in self.sites.items():
            for layer, module in enumerate(modules[site]):
                self._handles.append(module.register_forward_hook(self._hook(site, layer, groups)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, site: str, layer: int, groups: frozenset[Group]) -> Callable[[nn.Module, Any, Any], None]:
        def reduce(module: nn.Module, arguments: Any, output: Any) -> None:
            hidden: Tensor = output[0] if isinstance(output, tuple) else output
            rows = hidden.reshape(-1, hidden.shape[-1])
            batch, width = self._positions.shape[1:]
            if self._rows is None:
                values = self.kernel(rows, self.thresholds, groups)
            else:
                values = torch.zeros(len(rows), len(STATISTICS), dtype=torch.float64, device=rows.device)
                values[self._rows] = self.kernel(rows[self._rows], self.thresholds, groups)
            values = values.view(batch, width, -1)
            self._pooled[site, layer] = torch.stack([POOLINGS[p](values, self._positions) for p in self.poolings])

        return reduce

    @torch.inference_mode()
    def run(self, input_ids: Tensor, mask: Tensor | None, positions: Tensor) -> Tensor:
        """One forward pass, without lm_head and cache.

        input_ids int [batch, token], right-padded; mask as `AttentionRule.mask` gives it; positions bool
        [strategy, batch, token]: the pooled ones. Returns float64 [batch, site, strategy, pooling, layer, statistic].
        Raises `BenchmarkError` if a layer's hook did not fire.
        """
        self._pooled.clear()
        self._positions = positions
        counted = positions.any(0).flatten()
        self._rows = None if bool(counted.all()) else counted.nonzero()[:, 0]
        masked: dict[str, Tensor] = {}
        if mask is not None:
            where = torch.arange(input_ids.shape[1], device=input_ids.device)
            masked = {"attention_mask": mask, "position_ids": where.expand_as(input_ids)}
        self.decoder.base(input_ids=input_ids, use_cache=False, **masked)
        return self._collect()

    def _collect(self) -> Tensor:
        for site in self.sites:
            silent = [layer for layer in range(len(self.decoder)) if (site, layer) not in self._pooled]
            if silent:
                raise BenchmarkError(
                    f"model {self.name}: the {site} of layer {silent[0]} was never seen in the forward pass: "
                    f"set models.{self.name}.mlp to the module that writes it, and do not compile the model"
                )
        layers = range(len(self.decoder))
        stacked = torch.stack([torch.stack([self._pooled[site, layer] for layer in layers]) for site in self.sites])
        self._pooled.clear()
        return stacked.permute(4, 0, 3, 2, 1, 5)  # [site, layer, pooling, strategy, batch, statistic] before
