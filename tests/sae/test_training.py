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
from benchmark.sae.training import Outcome, Settings, objective, train
from tests.sae.conftest import ACTIVE, SETTINGS, Planted, plant

SHORT = replace(SETTINGS, epochs=2)


def contents(outcome: Outcome, path: Path) -> bytes:
    outcome.autoencoder.write(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def trained(planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return train(planted.rows, SETTINGS, 0, tmp_path_factory.mktemp("sae") / "checkpoint")


def test_a_planted_dictionary_is_recovered(planted: Planted, trained: Outcome) -> None:
    cosine = planted.directions @ trained.autoencoder.decoder.double().numpy().T
    assert (cosine.max(axis=1) > 0.9).mean() > 0.9
    new = fit(trained.autoencoder, plant(1000, seed=1).rows)
    assert new.unexplained < 0.15
    assert new.l0 == pytest.approx(ACTIVE, abs=0.2)
    assert 0.3 < trained.alive <= 1


def test_rows_of_the_decoder_have_length_one(trained: Outcome) -> None:
    np.testing.assert_allclose(trained.autoencoder.decoder.norm(dim=1), 1, atol=1e-5)


def test_a_dictionary_that_was_not_trained_explains_less(planted: Planted, tmp_path: Path, trained: Outcome) -> None:
    idle = train(planted.rows, replace(SETTINGS, epochs=1, learning_rate=1e-9), 0, tmp_path / "checkpoint")
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
    learn, steps = training._State.learn, []

    def killed(state: training._State, rows: Tensor) -> None:
        if len(steps) == after:
            raise KilledError
        steps.append(state.step)
        learn(state, rows)

    monkeypatch.setattr(training, "EVERY", 0.0)
    monkeypatch.setattr(training._State, "learn", killed)
    with pytest.raises(KilledError):
        train(planted.rows, SHORT, 0, tmp_path / "checkpoint")
    monkeypatch.setattr(training._State, "learn", lambda state, rows: (steps.append(state.step), learn(state, rows)))
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


def test_the_objective_is_its_definition_in_float64() -> None:
    draw = np.random.default_rng(3)
    tokens, hidden, width = 20, 6, 15
    settings = Settings(width, 2, 1, tokens, 0.1, auxiliary=0.25, dead_after=1)
    x = draw.standard_normal((tokens, hidden))
    weights = {
        "encoder": draw.standard_normal((hidden, width)),
        "encoder_bias": 0.1 * draw.standard_normal(width),
        "decoder": draw.standard_normal((width, hidden)),
        "decoder_bias": 0.1 * draw.standard_normal(hidden),
    }
    dead = [1, 4, 5, 9, 12]

    before = np.maximum((x - weights["decoder_bias"]) @ weights["encoder"] + weights["encoder_bias"], 0)
    kept = np.zeros_like(before)
    for place in np.argsort(-before, axis=None)[: 2 * tokens]:
        kept.flat[place] = before.flat[place]
    rest = x - kept @ weights["decoder"] - weights["decoder_bias"]
    wanted = (rest**2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    of_dead = np.zeros_like(before)
    for row in range(tokens):
        for feature in sorted(dead, key=lambda f: -before[row, f])[: hidden // 2]:
            of_dead[row, feature] = before[row, feature]
    left = rest - of_dead @ weights["decoder"]
    auxiliary = (left**2).sum() / ((rest - rest.mean(axis=0)) ** 2).sum()

    tensors = {name: torch.from_numpy(value).float() for name, value in weights.items()}
    loss, found = objective(torch.from_numpy(x).float(), tensors, settings, torch.tensor(dead))
    np.testing.assert_allclose(found, kept, atol=1e-5)
    assert float(loss) == pytest.approx(wanted + 0.25 * auxiliary, rel=1e-5)
    alone, _ = objective(torch.from_numpy(x).float(), tensors, settings, torch.tensor([], dtype=torch.int64))
    assert float(alone) == pytest.approx(wanted, rel=1e-5)


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
        train(rows, replace(SETTINGS, learning_rate=1e38), 0, tmp_path / "checkpoint")
