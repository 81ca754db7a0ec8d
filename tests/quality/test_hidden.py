from __future__ import annotations

import numpy as np
import torch

from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.quality.hidden import hidden_states

TEXTS = ("w1 w2 w3 w4 w5", "w6", "w7 w8", "w1 w2 w3 w4 w5 w9 w9 w9")


def test_hidden_states_are_the_mean_of_a_plain_pass_over_each_text(loaded: LoadedModel) -> None:
    found = hidden_states(loaded, TEXTS, Budget(16))
    assert found.dtype == np.float32
    for text, row in zip(TEXTS, found, strict=True):
        first = [int(loaded.tokenizer.bos_token_id)] if loaded.add_bos else []
        ids = torch.tensor([[*first, *loaded.tokenizer(text, add_special_tokens=False)["input_ids"]]])
        with torch.inference_mode():
            states = loaded.model(ids, output_hidden_states=True).hidden_states[-1][0, len(first) :]
        np.testing.assert_allclose(row, states.mean(dim=0).numpy(), atol=1e-5)
