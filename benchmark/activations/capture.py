"""Statistics taken inside the forward pass: each layer's output is reduced in a hook, and nothing of it is kept.

with Capture(decoder, {"mlp_output": ("mean", "max_abs")}, kernel, thresholds, ("mean", "max")) as capture:
    pooled = capture.run(input_ids, mask, [reading])    float64 [batch, site, strategy, pooling, layer, statistic], each
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from benchmark.activations.attention import MaskStrategy, Segments
from benchmark.activations.contribution import contributions
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


def _contributed(decoder: Decoder, name: str) -> list[tuple[nn.Module, float]]:
    device = next(decoder.base.parameters()).device
    return [(entry.module, entry.scale) for entry in contributions(decoder, device, name)]


SITES: dict[str, Callable[[Decoder, str], Sequence[tuple[nn.Module, float]]]] = {
    "mlp_output": lambda decoder, name: [(mlp, 1.0) for mlp in decoder.mlps],
    "mlp_contribution": _contributed,
    "residual": lambda decoder, name: [(layer, 1.0) for layer in decoder.layers],
}
"""Of each layer, the module whose output is read at a site, and what it is multiplied by."""
Kept = dict[tuple[str, int], Tensor]
"""Outputs [row, hidden] of an earlier pass, by site and layer."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What of a pass counts, and as what.

    `rows`: the rows of the flattened output that count, then those of `kept`, outputs of an earlier pass. `sequences`:
    what they make up. `cells`: int64 [wanted entry], its place in a table [kind of sequence, batch, token], flattened.
    `positions`: bool [strategy, batch, token], what each strategy pools of that table, of its kind in `kinds`.
    """

    rows: slice | Tensor
    sequences: Sequences
    cells: Tensor
    positions: Tensor
    kinds: tuple[int, ...]
    kept: Kept | None = None

    @classmethod
    def plain(cls, segments: Segments, strategies: Sequence[MaskStrategy], block: int = 0) -> Reading:
        """Every token is a row, read where it stands: in the `block`-th of the batches that are stacked in the pass."""
        inside = torch.stack([strategy.sequence.positions(segments) for strategy in strategies]).any(0).flatten()
        start = block * len(inside)
        every = bool(inside.all())
        rows = slice(start, start + len(inside)) if every else start + inside.nonzero()[:, 0]
        return cls.of(rows, (inside.cumsum(0) - 1).view(segments.real.shape), segments, strategies, plain=True)

    @classmethod
    def of(
        cls,
        rows: slice | Tensor,
        row: Tensor,
        segments: Segments,
        strategies: Sequence[MaskStrategy],
        *,
        kept: Kept | None = None,
        plain: bool = False,
    ) -> Reading:
        """`row`: int64 [batch, token], which of the rows is a token's; `plain`: one row a token, in order."""
        seen = [strategy.sequence for strategy in strategies]
        distinct = list(dict.fromkeys(seen))
        kinds = tuple(distinct.index(sequence) for sequence in seen)
        positions = torch.stack([strategy.pooled.positions(segments) for strategy in strategies])
        inside = torch.stack([sequence.positions(segments) for sequence in distinct])
        entries = inside.flatten().nonzero()[:, 0]  # [kind, batch, token], flattened
        pooled = [positions[[i for i, k in enumerate(kinds) if k == kind]].any(0) for kind in range(len(distinct))]
        wanted = torch.stack(pooled).flatten()[entries]
        sequences = Sequences(
            bounds=(0, *inside.sum(-1).flatten().cumsum(0).tolist()),
            rows=None if plain and len(distinct) == 1 else row.flatten()[entries % row.numel()],
            wanted=None if bool(wanted.all()) else wanted.nonzero()[:, 0],
            device=positions.device,
        )
        return cls(rows, sequences, entries[wanted], positions, kinds, kept)

    def targets_first(self, segments: Segments) -> Reading:
        """The table with each target from column 0 on: equal targets are then pooled with the same rounding."""
        width = segments.width
        turned = (segments.position + segments.n_input[:, None]) % width
        column = self.cells % width
        batch = (self.cells // width) % len(turned)
        cells = self.cells - column + (column - segments.n_input[batch]) % width
        return replace(self, cells=cells, positions=self.positions.gather(2, turned.expand_as(self.positions)))


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
        self._pooled: dict[tuple[str, int], list[Tensor]] = {}
        self._kept: Kept = {}
        self._readings: Sequence[Reading] | None = None

    def __enter__(self) -> Capture:
        for site, names in self.sites.items():
            for layer, (module, scale) in enumerate(SITES[site](self.decoder, self.name)):
                self._handles.append(module.register_forward_hook(self._hook(site, layer, names, scale)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, site: str, layer: int, names: Sequence[str], scale: float) -> Callable[[nn.Module, Any, Any], None]:
        columns = [self.statistics.index(name) for name in names]

        def pool(rows: Tensor, reading: Reading) -> Tensor:
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
            return every

        def reduce(module: nn.Module, arguments: Any, output: Any) -> None:
            if self._readings is None:  # a pass that is not ours
                return
            hidden: Tensor = output[0] if isinstance(output, tuple) else output
            rows = hidden.reshape(-1, hidden.shape[-1])
            if scale != 1.0:
                rows = rows * scale
            if not self._readings:
                self._kept[site, layer] = rows.clone()
            found = self._pooled[site, layer] = []
            for reading in self._readings:
                counted = rows[reading.rows]
                if reading.kept is not None:
                    counted = torch.cat((counted, reading.kept[site, layer]))
                found.append(pool(counted, reading))

        return reduce

    @torch.inference_mode()
    def run(self, input_ids: Tensor, mask: Tensor | None, readings: Sequence[Reading]) -> list[Tensor]:
        """One forward pass, without lm_head and cache; what each of `readings` reads in it.

        input_ids int [row, token], right-padded; mask as `Rule.mask` gives it. Gives float64 [batch, site, strategy,
        pooling, layer, statistic] for each, NaN where a site lacks a statistic. Raises `BenchmarkError` if a layer's
        hook did not fire.
        """
        self._pass(input_ids, mask, readings)
        layers = range(len(self.decoder))
        found = []
        for number in range(len(readings)):
            sites = [torch.stack([self._pooled[site, layer][number] for layer in layers]) for site in self.sites]
            found.append(torch.stack(sites).permute(4, 0, 3, 2, 1, 5))  # [site, layer, pooling, strategy, batch, ...]
        self._pooled.clear()
        return found

    @torch.inference_mode()
    def keep(self, input_ids: Tensor) -> Kept:
        """The outputs [row x token, hidden] of every site and layer, of a causal pass over rows without padding."""
        self._pass(input_ids, None, ())
        kept, self._kept = self._kept, {}
        self._pooled.clear()
        return kept

    def _pass(self, input_ids: Tensor, mask: Tensor | None, readings: Sequence[Reading]) -> None:
        self._pooled.clear()
        self._readings = readings
        masked: dict[str, Tensor] = {}
        if mask is not None:
            where = torch.arange(input_ids.shape[1], device=input_ids.device)
            masked = {"attention_mask": mask, "position_ids": where.expand_as(input_ids)}
        try:
            self.decoder.base(input_ids=input_ids, use_cache=False, **masked)
        finally:
            self._readings = None
        for site in self.sites:
            silent = [layer for layer in range(len(self.decoder)) if (site, layer) not in self._pooled]
            if silent:
                raise BenchmarkError(
                    f"model {self.name}: the {site} of layer {silent[0]} was never seen in the forward pass: "
                    f"set models.{self.name}.mlp to the module that writes it, and do not compile the model"
                )
