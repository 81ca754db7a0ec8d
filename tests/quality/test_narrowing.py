"""The narrowed MLP changes nothing that is read."""

from __future__ import annotations

import pytest
import torch

from benchmark.quality.narrowing import last_mlp, narrowed
from tests.quality.conftest import make_model


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "gpt2", "neox"])
def test_logits_at_kept_places_stay(architecture: str) -> None:
    model = make_model(architecture).model
    ids = torch.randint(3, 40, (3, 7), generator=torch.Generator().manual_seed(0))
    keep = (torch.rand(21, generator=torch.Generator().manual_seed(1)) < 0.4).nonzero()[:, 0]
    rows = []
    mlp = last_mlp(model)
    assert mlp is not None
    counter = mlp.register_forward_hook(lambda module, arguments, output: rows.append(output.shape[:-1].numel()))
    with torch.inference_mode():
        expected = model(ids).logits.flatten(0, 1)[keep]
        with narrowed(model, keep):
            found = model(ids).logits.flatten(0, 1)[keep]
        again = model(ids).logits.flatten(0, 1)[keep]
    counter.remove()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(again, expected, atol=0, rtol=0)  # no hook stays behind
    assert rows == [21, len(keep), 21]
