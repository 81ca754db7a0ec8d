"""The committed models learn in context: so say their tables and the weights themselves."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.models.competence import accuracy_at, build_prompt
from benchmark.models.loading import load_model
from benchmark.storage import read_json, read_table
from benchmark.tasks.embedded import FAMILIES, build_dataset
from benchmark.tasks.metrics import METRICS

ROOT = Path(__file__).parents[2]
MODELS = ("tiny_llama", "tiny_qwen2")
COLUMNS = ["family", "kind", "split", "shots", "n", "accuracy"]


def table(model: str) -> pd.DataFrame:
    return read_table(ROOT / "data" / "models" / model / "competence.csv", COLUMNS)


def at(frame: pd.DataFrame, shots: int, kind: str, split: str = "seen") -> pd.Series[float]:
    """Accuracy by family."""
    chosen = frame.query("shots == @shots and kind == @kind and split == @split")
    return chosen.set_index("family")["accuracy"]


@pytest.mark.parametrize("model", MODELS)
def test_the_files_are_those_of_the_manifest(model: str) -> None:
    folder = ROOT / "data" / "models" / model
    files = read_json(folder / "manifest.json")["files"]
    for name, file in files.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == file["sha256"]
    assert files["model.safetensors"]["bytes"] < 2_000_000


@pytest.mark.parametrize("model", MODELS)
def test_the_table_covers_the_families_of_today(model: str) -> None:
    assert set(table(model)["family"]) == set(FAMILIES)


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_known_without_a_demonstration(model: str) -> None:
    """Zero-shot accuracy of a balanced two-way task is one half; its standard error here is about 0.03."""
    for split in ("seen", "held_out"):
        zero = at(table(model), 0, "classification", split)
        assert zero.sub(0.5).abs().max() < 0.12
        assert abs(zero.mean() - 0.5) < 0.05


@pytest.mark.parametrize("model", MODELS)
def test_eight_demonstrations_suffice_to_classify(model: str) -> None:
    assert (at(table(model), 8, "classification") >= 0.9).sum() >= 4


@pytest.mark.parametrize("model", MODELS)
def test_eight_demonstrations_suffice_to_generate(model: str) -> None:
    assert at(table(model), 8, "generative").min() >= 0.8


@pytest.mark.parametrize("model", MODELS)
def test_filtering_reaches_the_aim_by_its_own_metric(model: str) -> None:
    """ROUGE-L of what is generated greedily after eight demonstrations, averaged over tasks and queries."""
    loaded = load_model(ROOT / "data" / "models" / model, device="cpu", dtype="float32")
    generator = np.random.default_rng(0)
    scores = []
    for task in range(8):
        data = build_dataset(f"generated_{task}", "filtering", 7, 24, 6)
        for query in data.queries:
            shown = [data.pool[i] for i in generator.permutation(24)[:8]]
            prompt = build_prompt(loaded.tokenizer, data, shown, query, query.target)
            ids = list(prompt.ids[: -prompt.n_answer])
            start = len(ids)
            while len(ids) < start + data.max_new_tokens:
                with torch.inference_mode():
                    ids.append(int(loaded.model(torch.tensor([ids])).logits[0, -1].argmax()))
            text = loaded.tokenizer.decode(ids[start:]).split(data.stop)[0]
            scores.append(METRICS[data.metric](text, query))
    assert np.mean(scores) >= 0.8


@pytest.mark.parametrize("model", MODELS)
def test_the_committed_weights_give_the_committed_table(model: str) -> None:
    """Measured anew on one easy family, with other tasks than the table's."""
    loaded = load_model(ROOT / "data" / "models" / model, device="cpu", dtype="float32")
    data = [build_dataset(f"again_{i}", "topic", 100 + i, 24, 12) for i in range(6)]
    for shots, low, high in ((0, 0.2, 0.8), (8, 0.85, 1.0)):
        generator = np.random.default_rng(shots)
        right = [accuracy_at(loaded.model, loaded.tokenizer, d, shots, generator) for d in data]
        assert low <= np.concatenate(right).mean() <= high
