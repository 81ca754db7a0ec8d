from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.activations.capture import Capture
from benchmark.activations.group import Thresholds
from benchmark.activations.kernels import choose_kernel
from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.decoder import find_decoder
from benchmark.models.loading import LoadedModel
from benchmark.sae.activations import Reader, Site

SITES: tuple[Site, ...] = ("mlp_output", "residual")


def texts(lengths: list[int]) -> list[tuple[int, ...]]:
    draw = np.random.default_rng(0)
    return [tuple(draw.integers(1, 250, length).tolist()) for length in lengths]


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_it_reads_what_capture_reads_but_for_position_0(architecture: str, request: pytest.FixtureRequest) -> None:
    loaded: LoadedModel = request.getfixturevalue(architecture)
    ids = texts([9, 9, 9])
    kernel = choose_kernel("eager", loaded.device)
    with Capture(
        find_decoder(loaded.model), dict.fromkeys(SITES, ("mean",)), kernel, Thresholds(), ("mean",)
    ) as all_of:
        kept = all_of.keep(torch.tensor(ids))
    for layer in (0, 2):
        for index, found in Reader(loaded, layer, SITES).read(ids, Budget(100)):
            for site in SITES:
                wanted = kept[site, layer].view(3, 9, -1)[index, 1:]
                torch.testing.assert_close(found[site], wanted, rtol=1e-5, atol=1e-5)


def test_a_longer_neighbour_and_a_smaller_batch_change_nothing(llama: LoadedModel) -> None:
    ids = texts([3, 12, 5, 2, 12])
    reader = Reader(llama, 1, SITES)
    alone = {i: next(reader.read([each], Budget(100)))[1] for i, each in enumerate(ids)}
    for tokens in (1, 24, 1000):
        found = dict(reader.read(ids, Budget(tokens)))
        assert sorted(found) == list(range(5))
        for i, each in found.items():
            assert each["residual"].shape == (len(ids[i]) - 1, 48)
            for site in SITES:
                torch.testing.assert_close(each[site], alone[i][site], rtol=1e-4, atol=1e-5)


def test_no_later_layer_runs_and_no_hook_is_left(llama: LoadedModel) -> None:
    ran: list[int] = []
    layers = find_decoder(llama.model).layers
    handles = [layer.register_forward_hook(lambda *_, i=i: ran.append(i)) for i, layer in enumerate(layers)]
    list(Reader(llama, 1, SITES).read(texts([4]), Budget(10)))
    assert ran == [0, 1]
    for handle in handles:
        handle.remove()
    assert not any(layer._forward_hooks for layer in layers)


def test_memory_that_runs_out_halves_the_batch(llama: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = texts([4] * 8)
    reader, run = Reader(llama, 0, SITES), Reader._pass

    def small(self: Reader, batch: list[tuple[int, ...]]) -> object:
        if len(batch) > 2:
            raise torch.OutOfMemoryError
        return run(self, batch)

    monkeypatch.setattr(Reader, "_pass", small)
    budget = Budget(32)
    assert sorted(index for index, _ in reader.read(ids, budget)) == list(range(8))
    assert budget.tokens == 8


def test_a_layer_that_is_not_there_is_refused(llama: LoadedModel) -> None:
    with pytest.raises(BenchmarkError, match=r"sae\.models\.llama\.layer is 3, and the model has the layers 0 to 2"):
        Reader(llama, 3, SITES)
