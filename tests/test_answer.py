"""prompt and answer: what selectors want said is asked once, and holds while the prompts are the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.artefacts.prompts import Prompt, read_answers, read_prompts, write_prompts
from benchmark.dependencies import code_of
from benchmark.params import Params, load_params
from benchmark.parts import compute_parts
from benchmark.selection import Prompts
from benchmark.stages.answer import Answering
from benchmark.stages.pools import listed
from benchmark.storage import write_json
from benchmark.tasks.dataset import Dataset

ROOT = Path(__file__).parents[1]
MODEL = "tiny_llama"
PROMPTS = [
    Prompt("choices", (), "pool", 3),
    Prompt("choices", (2, 0), "queries", 1),
    Prompt("input", (5,), "queries", 4),
]


def said(prompts: Sequence[Prompt]) -> np.ndarray:
    """Made up: a number from each prompt, two of a prompt that reads choices."""
    rows = [
        [-sum(prompt.members) - prompt.asked / 8, -1.0 if prompt.read == "choices" else np.nan] for prompt in prompts
    ]
    return np.array(rows)


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    found = load_params(ROOT / "params.yaml")
    few = {name: found.datasets[name].model_copy(update={"pool": 24, "queries": 6}) for name in ("topic", "opinion")}
    quality = found.quality.model_copy(update={"shard": 1})
    found = found.model_copy(update={"datasets": few, "quality": quality})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBS", "1")
    monkeypatch.setattr("benchmark.stages.computing.load", lambda *_: "model")
    monkeypatch.setattr("benchmark.quality.asking.ask", lambda loaded, data, prompts, budget: said(prompts))
    for name, source in few.items():
        source.build(name).write(found.dataset_folder(name))
        write_prompts(found.prompts(MODEL, name), PROMPTS)
    write_json(found.model_folder(MODEL) / "manifest.json", {"name": MODEL})
    return found


def test_prompts_come_back_as_they_were_written(params: Params) -> None:
    assert read_prompts(params.prompts(MODEL, "topic")) == PROMPTS
    write_prompts(params.prompts(MODEL, "topic"), [])
    assert read_prompts(params.prompts(MODEL, "topic")) == []


def test_every_prompt_has_its_answer(params: Params) -> None:
    """More prompts than a shard has, and none at all."""
    many = [Prompt("input", (i,), "pool", j) for i in range(5) for j in range(4)]
    write_prompts(params.prompts(MODEL, "topic"), many)
    write_prompts(params.prompts(MODEL, "opinion"), [])
    compute_parts(Answering(params, MODEL))
    found = read_answers(params.part("answers", MODEL, "topic"))
    assert list(found) == many
    np.testing.assert_array_equal(np.array(list(found.values()))[:, 0], said(many)[:, 0])
    assert read_answers(params.part("answers", MODEL, "opinion")) == {}


def test_the_model_is_asked_again_only_for_other_prompts(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    compute_parts(Answering(params, MODEL))
    asked: list[str] = []

    def ask(loaded: Any, data: Dataset, prompts: Sequence[Prompt], budget: Any) -> np.ndarray:
        asked.append(data.name)
        return said(prompts)

    monkeypatch.setattr("benchmark.quality.asking.ask", ask)
    section = params.selection.model_copy(update={"selectors": ("random",), "budgets": (2,), "random_draws": 99})
    params = params.model_copy(update={"selection": section})
    compute_parts(Answering(params, MODEL))
    assert asked == []
    write_prompts(params.prompts(MODEL, "topic"), PROMPTS[:2])
    compute_parts(Answering(params, MODEL))
    assert asked == ["topic"]
    assert not [name for name in code_of("answer", params) if name.startswith("benchmark/selection/")]


def test_queries_are_named_by_their_place_in_the_dataset() -> None:
    prompts = Prompts(np.array([[7], [1]]), np.array([1, 0]), "queries", "input")
    judging = np.array([2, 5])
    assert listed(prompts, judging) == [Prompt("input", (7,), "queries", 5), Prompt("input", (1,), "queries", 2)]
    of_pool = Prompts(np.empty((2, 0), dtype=np.int64), np.array([1, 0]), "pool", "choices")
    assert listed(of_pool, judging) == [Prompt("choices", (), "pool", 1), Prompt("choices", (), "pool", 0)]
