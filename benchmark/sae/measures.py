"""How good a dictionary is, on text that it was not trained on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmark.activations.batching import length_batches
from benchmark.sae.activations import SKIPPED, Reader, Site, module_of
from benchmark.sae.autoencoder import Autoencoder, chunks
from benchmark.tasks.tokens import Ids

if TYPE_CHECKING:
    from benchmark.models.budget import Budget

ROWS = 2048
"""Activation vectors at a time; it bounds memory."""


class Fit(NamedTuple):
    """`unexplained`: the share of the variance that is left; `l0`: features at work a token, on average."""

    unexplained: float
    l0: float


def fit(autoencoder: Autoencoder, rows: Tensor) -> Fit:
    """Of activation vectors `rows` float32 [token, hidden]."""
    left, features = 0.0, 0
    for part in chunks(rows, ROWS):
        found = autoencoder.encode(part)
        left += float((part.double() - autoencoder.decode(found)).square().sum())
        features += int((found > 0).sum())
    mean = rows.mean(dim=0, dtype=torch.float64)
    whole = math.fsum(float((part.double() - mean).square().sum()) for part in chunks(rows, ROWS))
    return Fit(left / whole, features / len(rows))


class Recovered(NamedTuple):
    """Cross-entropy of the next token in nats: of the model as it is, with reconstructions in the place of what a
    site writes, and with zeros there. `share`: how much of what zeros cost the reconstructions do not.
    """

    plain: float
    patched: float
    zero: float

    @property
    def share(self) -> float:
        return (self.zero - self.patched) / (self.zero - self.plain)


def recovered(reader: Reader, site: Site, autoencoder: Autoencoder, ids: Sequence[Ids], budget: Budget) -> Recovered:
    """Over the predictions made at all positions of texts but the first, which is never replaced."""
    return Recovered(
        _cross_entropy(reader, site, None, ids, budget),
        _cross_entropy(reader, site, lambda rows: autoencoder.decode(autoencoder.encode(rows)), ids, budget),
        _cross_entropy(reader, site, torch.zeros_like, ids, budget),
    )


def _cross_entropy(reader: Reader, site: Site, replace: Any, ids: Sequence[Ids], budget: Budget) -> float:
    loaded, total, count = reader.loaded, 0.0, 0
    pad = loaded.tokenizer.pad_token_id or 0
    with _replaced(module_of(reader.decoder, site, reader.layer), replace), torch.inference_mode():
        for batch in length_batches([len(each) for each in ids], budget.tokens):
            width = max(len(ids[i]) for i in batch)
            rows = torch.tensor([[*ids[i], *[pad] * (width - len(ids[i]))] for i in batch], device=loaded.device)
            logits = loaded.model(input_ids=rows, use_cache=False).logits
            for row, i in enumerate(batch):
                said, wanted = logits[row, SKIPPED : len(ids[i]) - 1], rows[row, SKIPPED + 1 : len(ids[i])]
                total += float(nn.functional.cross_entropy(said.float(), wanted, reduction="sum"))
                count += len(wanted)
    return total / count


@contextmanager
def _replaced(module: nn.Module, replace: Any) -> Iterator[None]:
    """What `module` writes at all positions but the first, [text, token, hidden], becomes `replace` of it."""

    def hook(module: nn.Module, arguments: Any, output: Any) -> Any:
        hidden: Tensor = output[0] if isinstance(output, tuple) else output
        new = hidden.clone()
        rest = hidden[:, SKIPPED:]
        new[:, SKIPPED:] = replace(rest.reshape(-1, rest.shape[-1])).view(rest.shape).to(hidden.dtype)
        return (new, *output[1:]) if isinstance(output, tuple) else new

    handle = module.register_forward_hook(hook) if replace else None
    try:
        yield
    finally:
        if handle:
            handle.remove()
