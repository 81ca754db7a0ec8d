from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.sae import training
from benchmark.sae.measures import fit
from benchmark.sae.training import Outcome, Settings, gradients, train
from tests.sae.conftest import ACTIVE, SETTINGS, Planted, plant

SHORT = replace(SETTINGS, epochs=2)


def contents(outcome: Outcome, path: Path) -> bytes:
    outcome.autoencoder.write(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def trained(planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return train(planted.rows, SETTINGS, 0, tmp_path_factory.mktemp("sae") / "checkpoint")


def found_of(planted: Planted, outcome: Outcome) -> float:
    """The share of the planted directions to which a feature has a cosine above .9."""
    cosine = planted.directions @ outcome.autoencoder.decoder.double().numpy().T
    return float((cosine.max(axis=1) > 0.9).mean())


def test_a_planted_dictionary_is_recovered(planted: Planted, trained: Outcome) -> None:
    assert found_of(planted, trained) > 0.8
    new = fit(trained.autoencoder, plant(1000, seed=1).rows)
    assert new.unexplained < 0.15
    assert new.l0 == pytest.approx(ACTIVE, abs=0.2)
    assert 0.3 < trained.alive <= 1


def test_rows_of_the_decoder_have_length_one(trained: Outcome) -> None:
    np.testing.assert_allclose(trained.autoencoder.decoder.norm(dim=1), 1, atol=1e-5)


def test_a_dictionary_that_was_not_trained_explains_less(planted: Planted, tmp_path: Path, trained: Outcome) -> None:
    idle = train(planted.rows, replace(SETTINGS, epochs=1, learning_rate=1e-9), 0, tmp_path / "checkpoint")
    assert found_of(planted, idle) < 0.1
    assert fit(idle.autoencoder, planted.rows).unexplained > 2 * fit(trained.autoencoder, planted.rows).unexplained


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(planted: Planted, tmp_path: Path) -> None:
    once, again, other = (
        contents(train(planted.rows, SHORT, seed, tmp_path / "checkpoint"), tmp_path / "x") for seed in (0, 0, 1)
    )
    assert once == again != other


class KilledError(Exception):
    pass


@pytest.mark.parametrize("after", [1, 23, 40])  # in the first pass, at its end, in the second
def test_a_killed_run_goes_on_and_gives_the_same_bytes(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    whole = contents(train(planted.rows, SHORT, 0, tmp_path / "whole.checkpoint"), tmp_path / "x")
    learn = training._State.learn
    steps: list[int] = []

    def noted(state: training._State, rows: Tensor) -> None:
        steps.append(state.step)
        learn(state, rows)

    def killed(state: training._State, rows: Tensor) -> None:
        if len(steps) == after:
            raise KilledError
        noted(state, rows)

    monkeypatch.setattr(training, "EVERY", 0.0)
    monkeypatch.setattr(training._State, "learn", killed)
    with pytest.raises(KilledError):
        train(planted.rows, SHORT, 0, tmp_path / "checkpoint")
    monkeypatch.setattr(training._State, "learn", noted)
    assert contents(train(planted.rows, SHORT, 0, tmp_path / "checkpoint"), tmp_path / "x") == whole
    assert steps == list(range(2 * (6000 // SHORT.batch)))  # no step was taken twice


def test_a_damaged_checkpoint_begins_again(planted: Planted, tmp_path: Path) -> None:
    whole = contents(train(planted.rows, SHORT, 0, tmp_path / "none"), tmp_path / "x")
    for damaged in ("cut", "of another kind"):
        path = tmp_path / "checkpoint"
        save_file({"step": torch.tensor(3)}, path)
        if damaged == "cut":
            path.write_bytes(path.read_bytes()[:10])
        assert contents(train(planted.rows, SHORT, 0, path), tmp_path / "x") == whole


def objective(x: Tensor, weights: dict[str, Tensor], settings: Settings, dead: list[int]) -> Tensor:
    """What a step makes smaller, feature by feature."""
    found = (x - weights["decoder_bias"]) @ weights["encoder"].T + weights["encoder_bias"]
    kept = torch.zeros_like(found)
    for place in np.argsort(-found.detach().numpy(), axis=None)[: settings.active * len(x)]:
        row, feature = divmod(int(place), found.shape[1])
        kept[row, feature] = found[row, feature].clamp(min=0)
    rest = x - kept @ weights["decoder"] - weights["decoder_bias"]
    loss = (rest**2).sum() / ((x - x.mean(dim=0)) ** 2).sum()
    own = torch.zeros_like(found)
    for row in range(len(x)):
        for feature in sorted(dead, key=lambda f: -float(found[row, f].detach()))[: x.shape[1] // 2]:
            own[row, feature] = found[row, feature].clamp(min=0)
    left = rest.detach()
    auxiliary = ((left - own @ weights["decoder"]) ** 2).sum() / ((left - left.mean(dim=0)) ** 2).sum()
    return loss + settings.auxiliary * auxiliary * bool(dead)


@pytest.mark.parametrize("dead", [[], [1, 4, 5, 9, 12]])
@pytest.mark.parametrize("active", [2, 100])  # as many as there are above 0
def test_the_gradient_is_that_of_the_objective_in_float64(dead: list[int], active: int) -> None:
    draw = torch.Generator().manual_seed(3)
    tokens, hidden, width = 20, 6, 15
    settings = Settings(width, active, 1, tokens, 0.1, auxiliary=0.25, dead_after=1)
    x = torch.randn(tokens, hidden, generator=draw, dtype=torch.float64)
    shapes = {
        "encoder": (width, hidden),
        "encoder_bias": (width,),
        "decoder": (width, hidden),
        "decoder_bias": (hidden,),
    }
    weights = {name: torch.randn(shape, generator=draw, dtype=torch.float64) for name, shape in shapes.items()}
    found, kept = gradients(
        x.float(), {name: weight.float() for name, weight in weights.items()}, settings, torch.tensor(dead).long()
    )
    for weight in weights.values():
        weight.requires_grad_()
    wanted = torch.autograd.grad(objective(x, weights, settings, dead), [*weights.values()])
    for name, gradient in zip(weights, wanted, strict=True):
        np.testing.assert_allclose(found[name], gradient, atol=2e-5, err_msg=name)
    before = (x - weights["decoder_bias"]) @ weights["encoder"].T + weights["encoder_bias"]
    largest = np.sort(before[before > 0].detach().numpy())[::-1][: active * tokens]
    assert sorted(kept.tolist()) == sorted((before >= largest[-1]).nonzero()[:, 1].tolist())


def test_a_batch_that_wakes_no_feature_moves_the_bias_alone() -> None:
    weights = {"encoder": torch.zeros(5, 3), "encoder_bias": -torch.ones(5), "decoder": torch.eye(5, 3)}
    weights["decoder_bias"] = torch.zeros(3)
    found, kept = gradients(torch.randn(4, 3), weights, SETTINGS, torch.tensor([], dtype=torch.int64))
    assert not len(kept)
    assert not found["encoder"].any()
    assert not found["decoder"].any()
    assert found["decoder_bias"].all()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (torch.ones(300, 4), "the activations of all tokens are the same: use another layer"),
        (torch.randn(10, 4), "10 tokens are fewer than a batch of 256: lower batch"),
        (torch.full((300, 4), torch.nan), "an activation is not finite: use another layer"),
    ],
)
def test_rows_that_teach_nothing_are_refused(rows: Tensor, said: str, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=said):
        train(rows, SETTINGS, 0, tmp_path / "checkpoint")


def test_a_rate_that_diverges_is_refused(tmp_path: Path) -> None:
    rows = torch.randn(600, 4, generator=torch.Generator().manual_seed(0))
    with pytest.raises(BenchmarkError, match="training diverged: lower its learning_rate"):
        train(rows, replace(SETTINGS, learning_rate=1e30), 0, tmp_path / "checkpoint")
