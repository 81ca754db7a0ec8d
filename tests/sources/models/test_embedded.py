"""`benchmark.sources.models.embedded`: a trained model stays while what made it is what there is, and only then."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from benchmark.params import Params, load_params
from benchmark.sources.models import embedded
from benchmark.stages import model
from benchmark.storage import read_json, write_json

ROOT = Path(__file__).parents[3]
NAME = "tiny_llama"


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """The work folders of the trainings that were asked for; each writes the folder that a training would."""
    asked: list[Path] = []

    def train(name: str, architecture: str, seed: int, folder: Path, work: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        weights = f"{name} {architecture} {seed}".encode()
        (folder / "weights").write_bytes(weights)
        write_json(folder / "manifest.json", {"files": {"weights": {"sha256": hashlib.sha256(weights).hexdigest()}}})
        asked.append(work)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmark.models.training.train", train)
    return asked


@pytest.fixture
def params() -> Params:
    return load_params(ROOT / "params.yaml")


def other_seed(params: Params) -> Params:
    changed = params.model_dump()
    changed["models"][NAME]["seed"] += 1
    return Params.model_validate(changed)


def test_a_model_is_trained_once(params: Params, trainings: list[Path]) -> None:
    model.run(params, NAME)
    before = {path: path.read_bytes() for path in params.model_folder(NAME).iterdir()}
    model.run(params, NAME)
    assert len(trainings) == 1
    assert {path: path.read_bytes() for path in params.model_folder(NAME).iterdir()} == before
    origin = read_json(params.model_folder(NAME) / "origin.json")
    assert set(origin["code"]) == set(embedded.TRAINING)
    assert origin["parameters"]["seed"] == params.models[NAME].model_dump()["seed"]


def test_another_seed_or_code_trains_again_and_takes_up_no_checkpoint_of_the_old(
    params: Params, trainings: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model.run(params, NAME)
    model.run(other_seed(params), NAME)
    model.run(params, NAME)
    for path in embedded.TRAINING:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("edited")
    monkeypatch.setattr(embedded, "ROOT", tmp_path)
    model.run(params, NAME)
    model.run(params, NAME)
    assert len(trainings) == 4
    assert len(set(trainings)) == 3


@pytest.mark.parametrize("damage", ["weights", "manifest.json", "origin.json"])
@pytest.mark.parametrize("how", ["edited", "removed"])
def test_a_model_that_is_not_whole_is_trained_again(
    params: Params, trainings: list[Path], damage: str, how: str
) -> None:
    model.run(params, NAME)
    path: Any = params.model_folder(NAME) / damage
    path.unlink() if how == "removed" else path.write_text("[")
    model.run(params, NAME)
    assert len(trainings) == 2
    assert path.is_file()
