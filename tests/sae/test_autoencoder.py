from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.sae.autoencoder import Autoencoder, smallest_kept
from tests.sae.conftest import random_autoencoder


def test_it_is_its_definition_in_float64() -> None:
    autoencoder = random_autoencoder(hidden=12, width=40)
    rows = torch.randn(30, 12, generator=torch.Generator().manual_seed(1)) * 3
    features = autoencoder.encode(rows)

    w = {name: getattr(autoencoder, name).double().numpy() for name in Autoencoder.__dataclass_fields__}
    x = (rows.double().numpy() - w["mean"]) / w["scale"]
    before = (x - w["decoder_bias"]) @ w["encoder"].T + w["encoder_bias"]
    wanted = np.where(before >= w["threshold"], before, 0.0)
    rebuilt = (wanted @ w["decoder"] + w["decoder_bias"]) * w["scale"] + w["mean"]
    errors = (((rows.double().numpy() - rebuilt) / w["scale"]) ** 2).mean(axis=1)

    assert 0 < (wanted > 0).mean() < 0.5
    np.testing.assert_allclose(features, wanted, atol=1e-5)
    np.testing.assert_allclose(autoencoder.decode(features), rebuilt, atol=1e-4)
    np.testing.assert_allclose(autoencoder.errors(rows, features), errors, rtol=1e-4)


@given(
    found=st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1, max_size=6),
    active=st.integers(1, 5),
)
def test_a_batch_keeps_its_largest_activations_wherever_they_fall(found: list[list[int]], active: int) -> None:
    above = sorted((value for row in found for value in row if value > 0), reverse=True)
    wanted = above[: active * len(found)][-1] if above else np.inf
    assert float(smallest_kept(torch.tensor(found, dtype=torch.float32), active)) == wanted


def test_what_is_written_is_read_again_and_the_same_content_has_the_same_bytes(tmp_path: Path) -> None:
    autoencoder = random_autoencoder(4, 8)
    for name in ("one", "two"):
        autoencoder.write(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    found = Autoencoder.read(tmp_path / "one")
    for name in Autoencoder.__dataclass_fields__:
        assert torch.equal(getattr(found, name), getattr(autoencoder, name))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(BenchmarkError, match=r"x\.safetensors is missing"):
        Autoencoder.read(path)
    random_autoencoder(4, 8).write(path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(BenchmarkError, match=r"x\.safetensors is damaged"):
        Autoencoder.read(path)
