"""The committed quality of a real model is what this processor computes, and what plain passes of transformers give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.artefacts.matrices import Matrices
from benchmark.errors import BenchmarkError
from benchmark.models.loading import LoadedModel
from benchmark.params import load_params
from benchmark.quality.quality import score_sets
from benchmark.tasks.dataset import Dataset
from tests.smollm2 import load_smollm2

ROOT = Path(__file__).parents[2]
NAME, CANDIDATES, QUERIES = "movies", 12, 6

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def movies() -> Dataset:
    try:
        built: Dataset = load_params(ROOT / "pretrained/params.yaml").datasets[NAME].build(NAME)
    except BenchmarkError as error:
        pytest.skip(f"the package of the film reviews cannot be had: {error}")
    return built


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load_smollm2(tmp_path_factory.mktemp("smollm2"))


@pytest.fixture(scope="module")
def computed(smollm2: LoadedModel, movies: Dataset) -> tuple[np.ndarray, np.ndarray]:
    return score_sets(smollm2, movies, [[c] for c in range(CANDIDATES)], range(QUERIES), 2048)


def test_the_committed_matrices_are_what_this_processor_computes(
    computed: tuple[np.ndarray, np.ndarray], movies: Dataset
) -> None:
    committed = Matrices.read(ROOT / "pretrained/data/quality/smollm2" / NAME)
    assert committed.candidates[:CANDIDATES].tolist() == [example.id for example in movies.pool[:CANDIDATES]]
    assert committed.queries[:QUERIES].tolist() == [example.id for example in movies.queries[:QUERIES]]
    log_probability, performance = computed
    difference = np.abs(log_probability - committed.log_probability[:CANDIDATES, :QUERIES])
    print(f"\nlargest difference from the committed log-probabilities: {difference.max():.1e} nats")
    assert difference.max() < 1e-3
    assert (performance == committed.performance[:CANDIDATES, :QUERIES]).all()


@torch.inference_mode()
def test_log_probabilities_are_those_of_plain_passes(
    computed: tuple[np.ndarray, np.ndarray], smollm2: LoadedModel, movies: Dataset
) -> None:
    for c, q in ((0, 0), (3, 5), (11, 2)):
        shown, asked = movies.pool[c], movies.queries[q]
        before = shown.input + shown.target + movies.separator + asked.input
        ids = smollm2.tokenizer(before + asked.target, return_tensors="pt")["input_ids"]
        start = len(smollm2.tokenizer(before)["input_ids"])
        logits = smollm2.model(ids, use_cache=False).logits[0, start - 1 : -1].double()
        plain = logits.log_softmax(-1).gather(1, ids[0, start:, None]).sum()
        assert float(plain) == pytest.approx(float(computed[0][c, q]), abs=1e-4)
