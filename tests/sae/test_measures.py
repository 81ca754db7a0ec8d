from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.sae.activations import Reader, Site
from benchmark.sae.autoencoder import Autoencoder
from benchmark.sae.measures import fit, recovered
from tests.sae.conftest import random_autoencoder
from tests.sae.test_activations import texts

SITES: tuple[Site, ...] = ("mlp_output", "residual")


def test_the_fit_is_its_definition_in_float64() -> None:
    autoencoder = random_autoencoder(10, 30)
    rows = 3 * torch.randn(5000, 10, generator=torch.Generator().manual_seed(2)) + 1
    features = autoencoder.encode(rows)
    x, rebuilt = rows.double().numpy(), autoencoder.decode(features).double().numpy()
    found = fit(autoencoder, rows)
    assert found.unexplained == pytest.approx(((x - rebuilt) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum(), rel=1e-6)
    assert found.l0 == pytest.approx(np.count_nonzero(features.numpy()) / len(rows))


class Exact(Autoencoder):
    """Stands for a dictionary that loses nothing, or keeps nothing."""

    def encode(self, rows: Tensor) -> Tensor:
        return rows

    def decode(self, features: Tensor) -> Tensor:
        return features


def of(kind: type[Autoencoder], hidden: int = 48) -> Autoencoder:
    made = random_autoencoder(hidden, 64, threshold=0.0)
    return kind(*(getattr(made, name) for name in Autoencoder.__dataclass_fields__))


@pytest.mark.parametrize("site", SITES)
def test_a_dictionary_that_loses_nothing_recovers_everything(llama: LoadedModel, site: Site) -> None:
    found = recovered(Reader(llama, 1, SITES), site, of(Exact), texts([7, 4, 9]), Budget(30))
    assert found.patched == pytest.approx(found.plain, rel=1e-6)
    assert found.zero != pytest.approx(found.plain, rel=1e-3)
    assert found.share == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("site", SITES)
def test_it_is_the_cross_entropy_of_a_model_that_is_patched_by_hand(llama: LoadedModel, site: Site) -> None:
    """The module is replaced, not hooked, and every text is read alone."""
    autoencoder, ids = of(Autoencoder), texts([7, 4, 9])
    layers = llama.model.model.layers
    module = layers[1].mlp if site == "mlp_output" else layers[1]
    forward = module.forward

    def by_hand(change: object) -> float:
        def patched(*args: Tensor, **kwargs: object) -> Tensor:
            out = forward(*args, **kwargs)
            return torch.cat([out[:, :1], change(out[:, 1:])], dim=1)  # type: ignore[operator]

        module.forward = patched
        try:
            with torch.no_grad():
                logits = [llama.model(torch.tensor([each])).logits[0] for each in ids]
        finally:
            module.forward = forward
        losses = [
            cross_entropy(said[1:-1].double(), torch.tensor(each)[2:], reduction="none")
            for said, each in zip(logits, ids, strict=True)
        ]
        return float(torch.cat(losses).mean())

    found = recovered(Reader(llama, 1, SITES), site, autoencoder, ids, Budget(16))
    assert found.plain == pytest.approx(by_hand(lambda rows: rows), rel=1e-5)
    assert found.zero == pytest.approx(by_hand(torch.zeros_like), rel=1e-5)
    patched = by_hand(lambda rows: autoencoder.decode(autoencoder.encode(rows[0]))[None])
    assert found.patched == pytest.approx(patched, rel=1e-4)
    assert found.share == pytest.approx((found.zero - found.patched) / (found.zero - found.plain))


def test_a_dictionary_without_a_feature_at_work_has_no_l0() -> None:
    silent = replace(random_autoencoder(10, 30), threshold=torch.tensor(torch.inf))
    assert fit(silent, torch.randn(50, 10)).l0 == 0
