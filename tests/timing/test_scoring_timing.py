"""Scoring with a shared demonstration against the ways without, and against the tokens that must be computed.

Ratios come from interleaved rounds of one run, so that a busy machine slows both sides. A case fails only where the
whole interval of its ratio misses the target.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.params import load_params
from benchmark.quality.likelihood import score
from benchmark.quality.prompts import Prefix, Query, prompts
from benchmark.quality.trees import Rows, grow
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example
from benchmark.timing.interleave import Ratio
from tests.quality.conftest import WORDS, make_tokenizer
from tests.quality.harness import harness, log_probabilities, requests
from tests.smollm2 import load_smollm2
from tests.timing.measuring import compared

pytestmark = [pytest.mark.slow, pytest.mark.bench]

ROOT = Path(__file__).parents[2]
LENGTH = 32
"""Tokens of a demonstration, separator included, and of a query with its target: equal lengths."""


@dataclass(frozen=True, slots=True)
class Work:
    """A model, and one candidate or more by many queries, all of one length."""

    loaded: LoadedModel
    dataset: Dataset
    prefixes: list[Prefix]
    queries: list[Query]
    budget: int


def make_work(config: Any, candidates: int, queries: int, budget: int, choices: int = 0) -> Work:
    """Targets of one token, or `choices` of two tokens each for a query."""
    tokenizer = make_tokenizer(bos=False)
    torch.manual_seed(0)
    model = Qwen2ForCausalLM._from_config(config, attn_implementation="sdpa").eval()
    generator = np.random.default_rng(0)

    def example(name: str, tokens: int) -> Example:
        words = generator.choice(WORDS, size=tokens)
        if choices:
            answers = tuple(f" {word} {words[-1]}" for word in WORDS[:choices])
            return Example(" ".join(words[:-1]), answers[0], choices=answers, label=answers[0].strip(), id=name)
        return Example(" ".join(words[:-1]), f" {words[-1]}", references=(str(words[-1]),), id=name)

    dataset = Dataset(
        name="timing",
        kind="classification" if choices else "generative",
        metric="accuracy" if choices else "exact_match",
        separator="\n",
        stop="\n",
        max_new_tokens=1,
        pool=tuple(example(f"c{index}", LENGTH - 1) for index in range(candidates)),
        queries=tuple(example(f"q{index}", LENGTH + 1) for index in range(queries)),  # the target is not fed
    )
    loaded = LoadedModel("timing", model, tokenizer, add_bos=False)
    (grid,) = prompts(loaded, dataset, [[index] for index in range(candidates)], dataset.queries)
    return Work(loaded, dataset, [*grid.prefixes], [*grid.queries], budget)


MEDIUM = Qwen2Config(
    vocab_size=8192,
    hidden_size=512,
    intermediate_size=1376,
    num_hidden_layers=8,
    num_attention_heads=8,
    num_key_value_heads=4,
)
"""25 million parameters; the head weighs a sixth of the rest, as in Llama-3.2-3B."""


@pytest.fixture(scope="module")
def medium() -> Work:
    return make_work(MEDIUM, candidates=1, queries=40, budget=2048)


@pytest.fixture(scope="module")
def choices() -> Work:
    """Four choices of two tokens: what most classification tasks of the paper profile ask."""
    return make_work(MEDIUM, candidates=1, queries=12, budget=2048, choices=4)


@pytest.fixture(scope="module")
def tiny() -> Work:
    """The shape of the embedded models."""
    config = Qwen2Config(
        vocab_size=len(make_tokenizer(bos=False)),
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    return make_work(config, candidates=4, queries=96, budget=8192)


@pytest.fixture(params=["medium", "tiny"])
def work(request: pytest.FixtureRequest) -> Work:
    chosen: Work = request.getfixturevalue(request.param)
    return chosen


def shared(work: Work) -> np.ndarray:
    """log p [prefix, query, choice]."""
    return score(work.loaded, work.prefixes, work.queries, Budget(work.budget))


@torch.inference_mode()
def plain(work: Work, rows: list[tuple[int, ...]]) -> torch.Tensor:
    """Log-probabilities [row, vocabulary] behind whole prompts: batches under the same budget, head on one position."""
    parts = []
    size = max(1, work.budget // len(rows[0]))
    for first in range(0, len(rows), size):
        ids = torch.from_numpy(Rows.of([grow([row], [0]) for row in rows[first : first + size]]).ids)
        logits = work.loaded.model(ids, use_cache=False, logits_to_keep=1).logits[:, -1]
        parts.append(logits.float().log_softmax(1))
    return torch.cat(parts)


def unshared(work: Work) -> np.ndarray:
    whole = [prefix.ids + query.input for prefix in work.prefixes for query in work.queries]
    targets = torch.tensor([query.continuations[0] for query in work.queries]).repeat(len(work.prefixes), 1)
    return plain(work, whole).gather(1, targets).view(len(work.prefixes), -1, 1).numpy()


def necessary(work: Work) -> torch.Tensor:
    """Every token that must be computed, each once and none before it: the limit."""
    plain(work, [prefix.ids for prefix in work.prefixes])
    return plain(work, [query.input for _ in work.prefixes for query in work.queries])


def over(benchmark: Any, work: Work, name: str, baseline: Callable[[], object]) -> Ratio:
    """Scoring with shared demonstrations over `baseline`."""
    ways = {"ours": lambda: shared(work), name: baseline}
    return compared(benchmark, False, ways, {f"over {name}": ("ours", name)})[f"over {name}"]


def test_against_unshared(benchmark: Any, work: Work) -> None:
    np.testing.assert_allclose(shared(work), unshared(work), atol=1e-4)
    ratio = over(benchmark, work, "unshared", lambda: unshared(work))
    assert ratio.low <= 1 / 1.8


def test_against_the_limit(benchmark: Any, work: Work) -> None:
    ratio = over(benchmark, work, "the limit", lambda: necessary(work))
    assert ratio.low <= 1 / 0.8


HARNESS = {"tiny": 2.0, "medium": 2.0, "choices": 3.0}
"""How many times faster: for targets of one token little more than the shared demonstration can be saved."""
REAL = {1: 1.5, 4: 3.0}
"""The same by shots."""


@pytest.mark.parametrize("name", HARNESS)
def test_against_the_harness(benchmark: Any, request: pytest.FixtureRequest, name: str) -> None:
    work: Work = request.getfixturevalue(name)
    model = harness(work.loaded, batch_size=max(1, work.budget // (2 * LENGTH)))
    asked = requests(work.dataset, [[index] for index in range(len(work.prefixes))])
    expected = log_probabilities(model, asked, len(work.prefixes), len(work.queries))
    np.testing.assert_allclose(shared(work), expected, atol=1e-4)
    ratio = over(benchmark, work, "lm_eval", lambda: model.loglikelihood(asked, disable_tqdm=True))
    assert ratio.low <= 1 / HARNESS[name]


@pytest.mark.parametrize("shots", REAL)
def test_against_the_harness_on_a_real_model(benchmark: Any, shots: int, tmp_path: Path) -> None:
    """SmolLM2 on film reviews: sets of demonstrations by queries."""
    loaded = load_smollm2(tmp_path)
    dataset: Dataset = load_params(ROOT / "pretrained/params.yaml").datasets["movies"].build("movies")
    dataset = dataclasses.replace(dataset, queries=dataset.queries[:12])
    members = [[*range(start, start + shots)] for start in (0, shots)]
    (grid,) = prompts(loaded, dataset, members, dataset.queries)
    work = Work(loaded, dataset, [*grid.prefixes], [*grid.queries], budget=2048)
    longest = max(len(prefix.ids) for prefix in work.prefixes) + max(map(Query.longest, work.queries))
    model = harness(loaded, batch_size=work.budget // longest)
    asked = requests(dataset, members)
    expected = log_probabilities(model, asked, len(members), len(dataset.queries))
    np.testing.assert_allclose(shared(work), expected, atol=1e-3)
    ratio = over(benchmark, work, "lm_eval", lambda: model.loglikelihood(asked, disable_tqdm=True))
    assert ratio.low <= 1 / REAL[shots]
