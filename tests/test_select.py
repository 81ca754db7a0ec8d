"""select: what selectors chose of what the model had said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.artefacts.prompts import Prompt, read_answers, write_answers
from benchmark.errors import BenchmarkError
from benchmark.params import Params, load_params
from benchmark.selection import plan
from benchmark.stages.pools import listed
from benchmark.stages.select import Cell, Choosing
from tests.selection.conftest import make_pool

ROOT = Path(__file__).parents[1]
MODEL, DATASET = "tiny_llama", "topic"
JUDGING = np.array([1, 2, 5, 6, 9, 11])
POOL = make_pool(30, feature_names=("tfidf",))


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    found = load_params(ROOT / "params.yaml")
    changes = {"selectors": ("badge", "cone", "mdl", "random"), "features": ("tfidf",), "shots": (1, 2)}
    monkeypatch.chdir(tmp_path)
    return found.model_copy(update={"selection": found.selection.model_copy(update=changes)})


def choosing(params: Params) -> Choosing:
    """A stage that has read a made-up pool."""
    unread: Any = None
    return Choosing(params, MODEL, {DATASET: Cell(unread, unread, JUDGING, POOL)})


def prompts_of(params: Params) -> list[Prompt]:
    section = params.selection
    plans = plan(POOL, section.selectors, section.shots, params.seed).values()
    return sorted({prompt for prompts in plans for prompt in listed(prompts, JUDGING)})


def test_cone_takes_what_makes_each_querys_input_likeliest(params: Params) -> None:
    """Whatever the order in which answers stand, and with rows as wide as those of prompts that read choices."""
    prompts = prompts_of(params)
    generator = np.random.default_rng(0)
    answers = np.where(
        [[True, prompt.read == "choices"] for prompt in prompts], generator.normal(size=(len(prompts), 2)), np.nan
    )
    order = generator.permutation(len(prompts))
    folder = params.part("answers", MODEL, DATASET)
    write_answers(folder, [prompts[i] for i in order], answers[order])
    said = {prompt: row[0] for prompt, row in read_answers(folder).items() if prompt.read == "input"}
    choices = choosing(params).choose(DATASET)
    (cone,) = (choice for choice in choices.at(1) if choice.selector.name == "cone")
    assert cone.members is not None
    for query, (chosen,) in zip(JUDGING.tolist(), cone.members.tolist(), strict=True):
        of_query = {prompt.members[0]: value for prompt, value in said.items() if prompt.asked == query}
        assert len(of_query) == 30
        assert chosen == max(of_query, key=lambda member: of_query[member])
    assert all(choice.members is not None for choice in choices.chosen)


def test_a_model_that_is_not_asked_leaves_who_must_ask_undefined(params: Params) -> None:
    section = params.selection.model_copy(update={"unasked": (MODEL,)})
    write_answers(params.part("answers", MODEL, DATASET), [], np.empty((0, 1)))
    choices = choosing(params.model_copy(update={"selection": section})).choose(DATASET)
    found = {choice.selector.name: (choice.members is None, choice.reason) for choice in choices.at(1)}
    assert found == dict.fromkeys(("badge", "cone", "mdl"), (True, "the model was not asked")) | {"random": (False, "")}


def test_what_was_not_asked_is_one_line(params: Params) -> None:
    prompts = prompts_of(params)[1:]
    write_answers(params.part("answers", MODEL, DATASET), prompts, np.zeros((len(prompts), 2)))
    with pytest.raises(BenchmarkError, match=r"was not asked all .* of topic: run the stages prompt and answer again"):
        choosing(params).choose(DATASET)
