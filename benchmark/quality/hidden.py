"""Texts as a model's hidden states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.packing import Indices, chunks, in_two
from benchmark.quality.prompts import start
from benchmark.quality.trees import Rows, grow


@torch.inference_mode()
def hidden_states(loaded: LoadedModel, texts: Sequence[str], budget: Budget) -> NDArray[np.float32]:
    """The last layer's hidden states, averaged over the tokens of each text (BOS left out), float32 [text, hidden]."""
    first = start(loaded)
    sequences = [(*first, *loaded.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    out = np.empty((len(texts), int(loaded.model.config.hidden_size)), dtype=np.float32)

    def read(part: Indices) -> None:
        chosen = [sequences[index] for index in part]
        ids = torch.from_numpy(Rows.of([grow([one], [0]) for one in chosen]).ids).to(loaded.device)
        lengths = torch.tensor([len(one) for one in chosen], device=loaded.device)
        position = torch.arange(ids.shape[1], device=ids.device)
        present = position < lengths[:, None]
        states = loaded.model.base_model(input_ids=ids, attention_mask=present.long()).last_hidden_state.float()
        kept = (present & (position >= len(first)))[..., None]
        out[part] = ((states * kept).sum(1) / kept.sum(1).clamp(min=1)).cpu().numpy()

    def attempt(part: Indices) -> None:
        if not budget.fits(lambda: read(part)):
            for half in in_two(part):
                attempt(half)

    for part in chunks([len(ids) for ids in sequences], 1, budget):
        attempt(part)
    return out
