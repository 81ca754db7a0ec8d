"""Training is reproducible to the byte, also when it was interrupted, and what it writes loads again."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmark.errors import BenchmarkError
from benchmark.models import training
from benchmark.models.competence import competence
from benchmark.models.embedded import ARCHITECTURES, Size, build_model
from benchmark.models.loading import load_model
from benchmark.models.rows import Mixture
from benchmark.models.training import Recipe, Stage, Trainer, train
from benchmark.storage import read_json, read_table

STAGES = (Stage(2, 6, 24, Mixture(repetitions=0.5)), Stage(4, 5, 32, Mixture(texts=0.2, dictionaries=0.2)))
RECIPE = Recipe(stages=STAGES, warmup=2)
SIZE = Size(hidden=16, layers=2, heads=2, key_value_heads=1, mlp=16)


@pytest.fixture(autouse=True)
def _small_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of competence has tests of its own; here a small one will do."""
    monkeypatch.setattr(training, "competence", partial(competence, shots=(1,)))


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(architecture: str, tmp_path: Path) -> None:
    for folder, seed in (("one", 1), ("two", 1), ("other", 2)):
        train("m", architecture, seed, tmp_path / folder, RECIPE, SIZE, competence_tasks=1)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert digests(tmp_path / "one")["model.safetensors"] != digests(tmp_path / "other")["model.safetensors"]


def test_a_killed_training_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 2)
    monkeypatch.setattr(training, "LOG_EVERY", 4)
    train("m", "llama", 1, tmp_path / "whole", RECIPE, SIZE, competence_tasks=1)
    advance, work = Trainer.advance, tmp_path / "work"

    def die_at_five(self: Trainer) -> float:
        if self.step == 5:
            raise KeyboardInterrupt
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", die_at_five)
    with pytest.raises(KeyboardInterrupt):
        train("m", "llama", 1, tmp_path / "resumed", RECIPE, SIZE, work, competence_tasks=1)
    assert not (tmp_path / "resumed").exists()
    (checkpoint,) = work.iterdir()
    steps: list[int] = []

    def count(self: Trainer) -> float:
        steps.append(self.step)
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", count)
    train("m", "llama", 1, tmp_path / "resumed", RECIPE, SIZE, work, competence_tasks=1)
    assert steps == [4, 5]
    assert digests(tmp_path / "resumed") == digests(tmp_path / "whole")
    assert not checkpoint.exists()


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.safetensors").write_bytes(b"no tensors")
    with pytest.raises(BenchmarkError, match="delete it to train afresh"):
        Trainer("llama", 1, RECIPE, SIZE).load_checkpoint(tmp_path / "c.safetensors")


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_the_folder_loads_as_the_model_that_was_trained(architecture: str, tmp_path: Path) -> None:
    train("m", architecture, 1, tmp_path / "m", RECIPE, SIZE, competence_tasks=1)
    loaded = load_model(tmp_path / "m", device="cpu")
    assert type(loaded.model) is ARCHITECTURES[architecture].model
    assert loaded.add_bos == (loaded.tokenizer.bos_token_id is not None) == (architecture == "llama")
    biased = [name for name, _ in loaded.model.named_parameters() if name.endswith("q_proj.bias")]
    assert bool(biased) == (architecture == "qwen2")
    manifest = read_json(tmp_path / "m" / "manifest.json")
    for name, file in manifest["files"].items():
        data = (tmp_path / "m" / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
    log = read_table(tmp_path / "m" / "training.csv", ["step", "loss", "learning_rate"])
    assert log["step"].tolist() == [6]


def test_the_loss_falls() -> None:
    trainer = Trainer("qwen2", 1, Recipe((Stage(60, 8, 24, Mixture()),), warmup=5, learning_rate=0.02), SIZE)
    losses = [trainer.advance() for _ in range(60)]
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


def test_building_a_model_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build_model("llama", SIZE, 50, None, 0, seed=9)
    assert torch.equal(torch.rand(3), expected)


def test_the_rate_warms_up_and_falls_to_its_end() -> None:
    recipe = Recipe((Stage(1000, 1, 8, Mixture()),), warmup=10, learning_rate=0.01, final_rate=0.1)
    assert recipe.rate(0) == pytest.approx(0.001)
    assert recipe.rate(10) == pytest.approx(0.01)
    assert recipe.rate(1000) == pytest.approx(0.001)
    assert all(recipe.rate(s) >= recipe.rate(s + 1) for s in range(10, 1000))


def test_the_stages_follow_one_another() -> None:
    assert [RECIPE.stage(step).steps for step in range(RECIPE.steps)] == [2, 2, 4, 4, 4, 4]
    with pytest.raises(IndexError):
        RECIPE.stage(RECIPE.steps)


def test_an_unknown_architecture_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="did you mean 'llama'"):
        train("m", "lama", 1, tmp_path / "m", RECIPE, SIZE)
