"""Activation vectors of one layer, read while the model runs no further than that layer.

    reader = Reader(loaded, layer=9, sites=("mlp_output", "residual"))
    for index, found in reader.read(ids, budget): ...     found["residual"] float32 [len(ids[index]) - 1, hidden]

The token at position 0 is left out: whatever it is, attention rests on it, and where a model has massive activations
they stand there, with nearly the same value in every text. A dictionary would spend its variance on that one vector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from benchmark.activations.batching import length_batches
from benchmark.errors import BenchmarkError
from benchmark.models.decoder import Decoder, find_decoder
from benchmark.tasks.tokens import Ids

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel

Site = Literal["mlp_output", "residual"]
SKIPPED = 1
"""Positions at the start of a text that are not read."""


class _EnoughError(Exception):
    """Ends a forward pass once the layer has been read."""


def module_of(decoder: Decoder, site: Site, layer: int) -> nn.Module:
    """The module whose output is the site's, as `activations.capture` has it."""
    return (decoder.mlps if site == "mlp_output" else decoder.layers)[layer]


def require_layer(decoder: Decoder, layer: int, name: str) -> None:
    if layer >= len(decoder):
        raise BenchmarkError(
            f"sae.models.{name}.layer is {layer}, and the model has the layers 0 to {len(decoder) - 1}: choose one"
        )


class Reader:
    """Reads `sites` of a layer; `mlp` as in `find_decoder`. Raises `BenchmarkError` for a layer that is not there."""

    def __init__(self, loaded: LoadedModel, layer: int, sites: Sequence[Site], mlp: str | None = None) -> None:
        self.decoder = find_decoder(loaded.model, name=loaded.name, mlp=mlp)
        require_layer(self.decoder, layer, loaded.name)
        self.loaded, self.layer, self.sites = loaded, layer, tuple(sites)

    def read(self, ids: Sequence[Ids], budget: Budget) -> Iterator[tuple[int, dict[Site, Tensor]]]:
        """Each text's index and its vectors at each site, float32, in no particular order.

        Texts are batched by length under `budget`, which is halved where memory runs out.
        """
        pending = length_batches([len(each) for each in ids], budget.tokens)
        while pending:
            batch = pending.pop(0)
            found: dict[Site, Tensor] = {}

            def run(batch: list[int] = batch, found: dict[Site, Tensor] = found) -> None:
                found.update(self._pass([ids[i] for i in batch]))

            if not budget.fits(run):
                left = [i for entry in (batch, *pending) for i in entry]
                pending = length_batches([len(ids[i]) for i in left], budget.tokens, left)
                continue
            for row, index in enumerate(batch):
                yield index, {site: values[row, SKIPPED : len(ids[index])].float() for site, values in found.items()}

    @torch.inference_mode()
    def _pass(self, ids: Sequence[Ids]) -> dict[Site, Tensor]:
        """The outputs [text, token, hidden], what stands right of a shorter text included."""
        pad = self.loaded.tokenizer.pad_token_id or 0
        width = max(map(len, ids))
        rows = torch.tensor([[*each, *[pad] * (width - len(each))] for each in ids], device=self.loaded.device)
        found: dict[Site, Tensor] = {}

        def keep(site: Site) -> Any:
            def hook(module: nn.Module, arguments: Any, output: Any) -> None:
                found[site] = output[0] if isinstance(output, tuple) else output

            return hook

        def stop(module: nn.Module, arguments: Any, output: Any) -> None:
            raise _EnoughError

        modules = {site: module_of(self.decoder, site, self.layer) for site in self.sites}
        handles = [module.register_forward_hook(keep(site)) for site, module in modules.items()]
        handles.append(self.decoder.layers[self.layer].register_forward_hook(stop))
        try:
            self.decoder.base(input_ids=rows, use_cache=False)
        except _EnoughError:
            pass
        finally:
            for handle in handles:
                handle.remove()
        silent = [site for site in self.sites if site not in found]
        if silent:
            raise BenchmarkError(
                f"model {self.loaded.name}: the {silent[0]} of layer {self.layer} was never seen in the forward pass: "
                f"set models.{self.loaded.name}.mlp to the module that writes it"
            )
        return found
