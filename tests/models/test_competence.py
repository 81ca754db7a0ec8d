"""The table of competence: prompts, scores against one prompt at a time, and a model that surely knows nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.models.competence import Prompt, accuracy_at, as_markdown, build_prompt, competence, score_prompts
from benchmark.models.embedded import Size, build_model
from benchmark.models.tokenizer import build_tokenizer
from benchmark.tasks.embedded import FAMILIES, build_dataset

SIZE = Size(hidden=16, layers=2, heads=2, key_value_heads=1, mlp=16)
TOKENIZER = build_tokenizer(bos=True)
MODEL = build_model("llama", SIZE, len(TOKENIZER), TOKENIZER.bos_token_id, TOKENIZER.pad_token_id, seed=1).eval()


def test_a_prompt_is_the_concatenation_of_its_examples() -> None:
    data = build_dataset("d", "filtering", 1, 10, 10)
    prompt = build_prompt(TOKENIZER, data, data.pool[:2], data.queries[0], data.queries[0].target + data.stop)
    text = "\n".join(e.input + e.target for e in (*data.pool[:2], data.queries[0])) + "\n"
    assert list(prompt.ids) == [TOKENIZER.bos_token_id, *TOKENIZER(text)["input_ids"]]
    assert prompt.n_answer == len(data.queries[0].target.split()) + 1


def test_scores_equal_those_of_single_prompts_in_any_batch() -> None:
    generator = np.random.default_rng(0)
    prompts = [
        Prompt(tuple(int(i) for i in generator.integers(3, len(TOKENIZER), n)), int(generator.integers(1, 4)))
        for n in (5, 30, 12, 7, 30)
    ]
    batched, greedy = score_prompts(MODEL, prompts, 0, batch=3)
    for prompt, score, is_greedy in zip(prompts, batched, greedy, strict=True):
        with torch.no_grad():
            logits = MODEL(input_ids=torch.tensor([prompt.ids])).logits[0].double()
        places = range(len(prompt.ids) - prompt.n_answer, len(prompt.ids))
        expected = sum(float(logits[p - 1].log_softmax(-1)[prompt.ids[p]]) for p in places)
        assert score == pytest.approx(expected, abs=1e-5)
        assert is_greedy == all(int(logits[p - 1].argmax()) == prompt.ids[p] for p in places)


def test_an_untrained_model_is_at_chance() -> None:
    """Balanced queries and a model that ignores them: 0-shot accuracy of a classification task is one half."""
    right = [
        accuracy_at(MODEL, TOKENIZER, build_dataset(f"d{i}", "topic", i, 24, 24), 0, np.random.default_rng(0)).mean()
        for i in range(10)
    ]
    assert 0.35 < np.mean(right) < 0.65


def test_the_table_has_a_row_for_each_family_split_and_number_of_shots() -> None:
    table = competence(MODEL, TOKENIZER, tasks=1, shots=(0, 2))
    assert len(table) == len(FAMILIES) * 2 * 2
    assert not table.duplicated(["family", "split", "shots"]).any()
    assert table["accuracy"].between(0, 1).all()


def test_the_markdown_table_shows_every_accuracy_in_percent() -> None:
    rows = [("topic", "classification", split, k, 8, 0.125 * k) for split in ("seen", "held_out") for k in (0, 8)]
    table = pd.DataFrame(rows, columns=["family", "kind", "split", "shots", "n", "accuracy"])
    assert as_markdown(table).splitlines() == [
        "| family | split | 0 shots | 8 shots |",
        "|---|---|--:|--:|",
        "| topic | seen | 0 | 100 |",
        "| topic | held_out | 0 | 100 |",
    ]
