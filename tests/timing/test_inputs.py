"""The inputs of a comparison are what their names say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.models.loading import load_tokenizer
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.tokens import tokenize_example
from benchmark.timing import inputs, worker
from benchmark.timing.workload import CHOICES, STANDARD, TARGET


def test_the_wide_ones_have_the_shape_that_they_name(tmp_path: Path) -> None:
    inputs.make("wide", tmp_path)
    pool, tokenizer = Dataset.read(tmp_path / "dataset").pool, load_tokenizer(tmp_path / "model")
    tokens = [tokenize_example(tokenizer, example, bos=False) for example in pool]
    assert [(len(entry), entry.n_target) for entry in tokens] == [(STANDARD.tokens, TARGET)] * STANDARD.rows
    distinct = {token for entry in tokens for token in entry.ids}
    assert len(distinct) / (STANDARD.rows * STANDARD.tokens) == pytest.approx(1 / 3, abs=0.05)
    assert len({entry.ids[-TARGET:] for entry in tokens}) <= CHOICES
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert (config["num_hidden_layers"], config["hidden_size"]) == (STANDARD.layers, STANDARD.hidden)


@pytest.mark.parametrize("name", ["embedded", "shard"])
def test_sets_of_eight_can_be_made_of_the_pool(name: str, tmp_path: Path) -> None:
    inputs.make(name, tmp_path)
    dataset = Dataset.read(tmp_path / "dataset")
    scored = worker._scored(tmp_path)
    assert 0 < scored <= len(dataset.pool)
    assert len(dataset.pool) > 8
    assert (tmp_path / "model/manifest.json").is_file()


def test_without_results_there_is_nothing_that_selectors_chose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "a fresh clone"
    root.mkdir()
    shutil.copy(inputs.ROOT / "params.yaml", root)
    monkeypatch.setattr(inputs, "ROOT", root)
    monkeypatch.chdir(root)
    with pytest.raises(BenchmarkError, match="run `make repro` first"):
        inputs.make("selected", tmp_path)
