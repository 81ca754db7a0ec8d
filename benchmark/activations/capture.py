"""Statistics taken inside the forward pass: each layer's output is reduced in a hook, and nothing of it is kept.

with Capture(decoder, {"mlp_output": ("mean", "max_abs")}, kernel, thresholds, ("mean", "max")) as capture:
    pooled = capture.run(input_ids, mask, reading)     float64 [batch, site, strategy, pooling, layer, statistic]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from benchmark.activations.attention import MaskStrategy, Segments
from benchmark.activations.group import Thresholds
from benchmark.activations.kernels import Kernel
from benchmark.activations.sequences import Sequences
from benchmark.errors import BenchmarkError
from benchmark.models.decoder import Decoder


def mean_over(values: Tensor, positions: Tensor) -> Tensor:
    """float64 [strategy or 1, batch, token, statistic], bool [strategy, batch, token] -> [strategy, batch, statistic]

    Summed by halves, so that not even rounding depends on how much padding stands to the right.
    """
    total = torch.where(positions[..., None], values, 0.0)
    half = 1 << (max(values.shape[-2] - 1, 1).bit_length() - 1)
    while half:
        if total.shape[-2] > half:
            rest = total[..., half:, :]
            total = total[..., :half, :]
            total[..., : rest.shape[-2], :] += rest
        half //= 2
    return total[..., 0, :] / positions.sum(-1, dtype=torch.float64)[..., None]


def max_over(values: Tensor, positions: Tensor) -> Tensor:
    """As `mean_over`, the largest in place of the mean."""
    return torch.where(positions[..., None], values, -torch.inf).amax(-2)


POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mean": mean_over, "max": max_over}


@dataclass(frozen=True, slots=True)
class Reading:
    """What of a pass counts. `kept`: the rows of the flattened output that do; None: all of them.

    `sequences`: what these rows make up. `cells`: int64 [wanted entry], its place in a table [kind of sequence, batch,
    token], flattened. `positions`: bool [strategy, batch, token], what each strategy pools, of its kind in `kinds`.
    """

    kept: Tensor | None
    sequences: Sequences
    cells: Tensor
    positions: Tensor
    kinds: tuple[int, ...]

    @classmethod
    def plain(cls, segments: Segments, strategies: Sequence[MaskStrategy]) -> Reading:
        """Every token is a row, read where it stands."""
        positions = torch.stack([strategy.pooled.positions(segments) for strategy in strategies])
        seen = [strategy.sequence for strategy in strategies]
        distinct = list(dict.fromkeys(seen))
        kinds = torch.tensor([distinct.index(sequence) for sequence in seen], device=positions.device)
        inside = torch.stack([sequence.positions(segments) for sequence in distinct])
        kept = inside.any(0).flatten()
        rank = kept.cumsum(0) - 1
        entries = inside.flatten().nonzero()[:, 0]  # [kind, batch, token], flattened
        pooled = torch.stack([positions[kinds == kind].any(0) for kind in range(len(distinct))]).flatten()
        wanted = pooled[entries]
        sequences = Sequences(
            bounds=(0, *inside.sum(-1).flatten().cumsum(0).tolist()),
            rows=rank[entries % len(rank)] if len(distinct) > 1 else None,
            wanted=None if bool(wanted.all()) else wanted.nonzero()[:, 0],
            device=positions.device,
        )
        rows = None if bool(kept.all()) else kept.nonzero()[:, 0]
        return cls(rows, sequences, entries[wanted], positions, tuple(kinds.tolist()))


class Capture:
    """Hooks on every layer for as long as the block lasts. `name` is the model's, for errors.

    `sites`: the statistics taken at each; `statistics`: all of them, in that order, each once.
    """

    def __init__(
        self,
        decoder: Decoder,
        sites: Mapping[str, Sequence[str]],
        kernel: Kernel,
        thresholds: Thresholds,
        poolings: Sequence[str],
        name: str = "model",
    ) -> None:
        self.decoder, self.sites, self.kernel, self.thresholds = decoder, dict(sites), kernel, thresholds
        self.statistics = tuple(dict.fromkeys(name for names in sites.values() for name in names))
        self.poolings = tuple(poolings)
        self.name = name
        self._handles: list[RemovableHandle] = []
        self._pooled: dict[tuple[str, int], Tensor] = {}
        self._reading: Reading | None = None

    def __enter__(self) -> Capture:
        modules: dict[str, tuple[nn.Module, ...]] = {"mlp_output": self.decoder.mlps, "residual": self.decoder.layers}
        for site, names in self.sites.items():
            for layer, module in enumerate(modules[site]):
                self._handles.append(module.register_forward_hook(self._hook(site, layer, names)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, site: str, layer: int, names: Sequence[str]) -> Callable[[nn.Module, Any, Any], None]:
        columns = [self.statistics.index(name) for name in names]

        def reduce(module: nn.Module, arguments: Any, output: Any) -> None:
            reading = self._reading
            if reading is None:  # a pass that is not ours
                return
            hidden: Tensor = output[0] if isinstance(output, tuple) else output
            rows = hidden.reshape(-1, hidden.shape[-1])
            if reading.kept is not None:
                rows = rows[reading.kept]
            found = self.kernel(rows, reading.sequences, self.thresholds, names)
            shape = reading.positions.shape[1:]
            values = found.new_zeros((1 + max(reading.kinds)) * shape.numel(), len(names))
            values[reading.cells] = found
            values = values.view(-1, *shape, len(names))
            if len(values) > 1:
                values = values[list(reading.kinds)]
            pooled = torch.stack([POOLINGS[pooling](values, reading.positions) for pooling in self.poolings])
            every = pooled.new_full((*pooled.shape[:-1], len(self.statistics)), torch.nan)
            every[..., columns] = pooled
            self._pooled[site, layer] = every

        return reduce

    @torch.inference_mode()
    def run(self, input_ids: Tensor, mask: Tensor | None, reading: Reading) -> Tensor:
        """One forward pass, without lm_head and cache.

        input_ids int [row, token], right-padded; mask as `Rule.mask` gives it. Returns float64 [batch, site, strategy,
        pooling, layer, statistic], NaN where a site lacks a statistic. Raises `BenchmarkError` if a layer's hook did
        not fire.
        """
        self._pooled.clear()
        self._reading = reading
        masked: dict[str, Tensor] = {}
        if mask is not None:
            where = torch.arange(input_ids.shape[1], device=input_ids.device)
            masked = {"attention_mask": mask, "position_ids": where.expand_as(input_ids)}
        try:
            self.decoder.base(input_ids=input_ids, use_cache=False, **masked)
        finally:
            self._reading = None
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
