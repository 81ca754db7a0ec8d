"""label: selectors buy labels in rounds, and ask the model in each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.artefacts.orders import read_orders, write_orders
from benchmark.artefacts.prompts import Prompt
from benchmark.models.budget import Budget
from benchmark.params import Params, load_params
from benchmark.quality import asking
from benchmark.stages.label import Labelling
from benchmark.stages.pools import Material
from tests.selection.conftest import make_pool

ROOT = Path(__file__).parents[1]
MODEL, DATASET = "tiny_llama", "topic"


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    found = load_params(ROOT / "params.yaml")
    rounds = found.selection.rounds.model_copy(update={"shots": 2, "prompts": 3})
    changes = {"selectors": ("predictive_entropy", "k_means"), "budgets": (2, 5, 40), "rounds": rounds}
    monkeypatch.chdir(tmp_path)
    return found.model_copy(update={"selection": found.selection.model_copy(update=changes)})


def labelling(params: Params, n_choices: int = 3) -> Labelling:
    """A stage that has read a made-up pool."""
    unread: Any = None
    pool = make_pool(30, n_choices=n_choices, feature_names=("tfidf",))
    return Labelling(params, MODEL, {DATASET: (Material(unread, unread, np.arange(6), np.arange(6, 12)), pool)})


def test_a_shard_is_a_dataset_and_counts_its_prompts_those_before_any_label_once(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Prompt] = []

    def ask(loaded: object, dataset: object, prompts: list[Prompt], budget: Budget) -> NDArray[np.float64]:
        asked.extend(prompts)
        return np.log([[0.9, 0.1] if prompt.asked % 7 else [0.5, 0.5] for prompt in prompts])

    monkeypatch.setattr(asking, "ask", ask)
    model: Any = None
    work = labelling(params)
    (shard,) = work.shards(DATASET, {})
    assert shard.size == 30 + 2 * 3 * 28  # highest and lowest; the third budget is too large
    done = {shard.name: work.compute(model, DATASET, shard, Budget(100))}
    assert len(asked) == shard.size
    assert {prompt.of for prompt in asked} == {"pool"}
    assert [len(prompt.members) for prompt in asked] == [0] * 30 + [2] * (2 * 3 * 28)
    work.write(DATASET, done, tmp_path / "out")
    (highest, most), (lowest, least) = read_orders(tmp_path / "out")
    assert highest == {"selector": "predictive_entropy", "direction": "highest", "mask": "", "features": ""}
    assert lowest["direction"] == "lowest"
    assert len(most) == len(least) == 5
    assert set(most.tolist()) == {0, 7, 14, 21, 28}  # the model is unsure of these alone
    assert not set(least.tolist()) & {0, 7, 14, 21, 28}


def test_nothing_is_asked_of_a_generative_task_nor_of_a_pool_below_every_budget(params: Params) -> None:
    assert labelling(params, n_choices=0).shards(DATASET, {}) == []
    section = params.selection.model_copy(update={"budgets": (31, 40)})
    assert labelling(params.model_copy(update={"selection": section})).shards(DATASET, {}) == []


def test_orders_survive_the_file(tmp_path: Path) -> None:
    rows = [{"selector": "badge", "direction": "", "mask": "", "features": "tfidf"}] * 2
    write_orders(tmp_path, rows, [np.array([3, 1, 2]), np.empty(0, dtype=np.int64)])
    found = read_orders(tmp_path)
    assert [keys for keys, _ in found] == rows
    assert [order.tolist() for _, order in found] == [[3, 1, 2], []]
    assert found[1][1].dtype == np.int64
