"""What a loaded model can be asked: how long a prompt may be, which tokens it has, and which sites can be read.

Asked before a stage computes anything, and changes nothing that is computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

import torch

from benchmark.activations.contribution import contributions
from benchmark.errors import BenchmarkError
from benchmark.models.decoder import find_decoder
from benchmark.tasks.tokens import encode

if TYPE_CHECKING:
    from benchmark.models.loading import LoadedModel
    from benchmark.tasks.dataset import Dataset

TOKENS = 4


def limit_context(loaded: LoadedModel, mlp: str | None = None) -> None:
    """Lets the config state the context within which a text has the same numbers alone, in a batch and behind a cache.

    With rotary frequencies that change beyond some length (longrope, dynamic scaling), the trained positions are more,
    and prompts up to these would pass.
    """
    config = loaded.model.config
    context = find_decoder(loaded.model, name=loaded.name, mlp=mlp).context
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in ("dynamic", "longrope"):
        config.max_position_embeddings = min(config.max_position_embeddings, context)


def require_rows(loaded: LoadedModel, dataset: Dataset) -> None:
    """Raises `BenchmarkError` naming an example with a token that the model's embedding has no row for."""
    rows = int(loaded.model.get_input_embeddings().num_embeddings)
    if max(loaded.tokenizer.get_vocab().values()) < rows:
        return
    for example in (*dataset.pool, *dataset.queries):
        for each in encode(loaded.tokenizer, [example.input + text for text in example.choices or (example.target,)]):
            if max(each.ids, default=0) >= rows:
                token = loaded.tokenizer.convert_ids_to_tokens(max(each.ids))
                raise BenchmarkError(
                    f"example {example.id} of {dataset.name} has the token {token!r} ({max(each.ids)}), and model "
                    f"{loaded.name} has {rows} embeddings: use the step `replace`, or the tokenizer that the model was "
                    f"trained with"
                )


@torch.inference_mode()
def require_contribution(loaded: LoadedModel, sites: Collection[str], mlp: str | None = None) -> None:
    """Raises `BenchmarkError` where `sites` has mlp_contribution and a module that it is read from runs twice a layer.

    Phi's layers put attention and MLP through one dropout module: read there, the two are one.
    """
    if "mlp_contribution" not in sites:
        return
    decoder = find_decoder(loaded.model, name=loaded.name, mlp=mlp)
    read = {entry.module for entry in contributions(decoder, loaded.device, loaded.name)}
    runs: Counter[torch.nn.Module] = Counter()
    handles = [module.register_forward_hook(lambda module, *_: runs.update([module])) for module in read]
    try:
        decoder.base(input_ids=torch.arange(1, TOKENS + 1, device=loaded.device)[None], use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    if any(count > 1 for count in runs.values()):
        raise BenchmarkError(
            f"model {loaded.name}: a layer of {type(decoder.base).__name__} puts its attention through the module that "
            f"its MLP's contribution is read from: take the site mlp_contribution out of extraction.sites"
        )
