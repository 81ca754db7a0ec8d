from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.spatial.distance import cosine

from benchmark.artefacts.column import Column
from benchmark.artefacts.features import LAYER, POOLING, STATISTICS
from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.sae.activations import Reader, Site
from benchmark.sae.scores import MASKS, coverage, novelty, score
from benchmark.tasks.example import Example
from benchmark.tasks.tokens import tokenize_example
from tests.sae.conftest import random_autoencoder

SITES: tuple[Site, ...] = ("mlp_output", "residual")


def test_every_score_is_its_definition(llama: LoadedModel, examples: list[Example]) -> None:
    """Each candidate read alone, token by token, with numpy."""
    reader = Reader(llama, 1, SITES)
    autoencoders = {site: random_autoencoder(48, 80, seed=i, threshold=0.9) for i, site in enumerate(SITES)}
    found = score(reader, autoencoders, examples, Budget(100))
    assert found.candidates.tolist() == [example.id for example in examples]
    for site, autoencoder in autoencoders.items():
        for mask in MASKS:
            largest = []
            wanted: dict[str, list[float]] = {name: [] for name in ("sae_loss", "sae_l0", "sae_largest")}
            for example in examples:
                tokens = tokenize_example(llama.tokenizer, example, bos=True)
                ((_, rows),) = reader.read([tokens.ids], Budget(1))
                end = tokens.n_input if mask == "input" else len(tokens)
                x = rows[site][: end - 1]
                features = autoencoder.encode(x).double().numpy()
                error = ((x - autoencoder.decode(torch.from_numpy(features).float())) / 2.5).double().numpy()
                wanted["sae_loss"].append((error**2).mean(axis=1).mean())
                wanted["sae_l0"].append(np.count_nonzero(features, axis=1).mean())
                wanted["sae_largest"].append(features.max())
                largest.append(features.max(axis=0))
            for name, values in wanted.items():
                column = found.column(Column(site, mask, POOLING, LAYER, name))
                np.testing.assert_allclose(column, values, rtol=1e-4, err_msg=name)
            matrix = found.features(site, mask).toarray()
            np.testing.assert_allclose(matrix, largest, atol=1e-4)
            at_work = matrix > 0
            share = at_work.sum(axis=1) / at_work.any(axis=0).sum()
            np.testing.assert_allclose(
                found.column(Column(site, mask, POOLING, LAYER, "sae_coverage")), share, rtol=1e-6
            )
            apart = [min(cosine(a, b) for j, b in enumerate(matrix) if j != i) for i, a in enumerate(matrix)]
            np.testing.assert_allclose(
                found.column(Column(site, mask, POOLING, LAYER, "sae_novelty")), apart, atol=1e-5
            )


@given(st.lists(st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.5]), min_size=5, max_size=5), min_size=2, max_size=7))
def test_novelty_is_the_cosine_distance_to_the_nearest_other(rows: list[list[float]]) -> None:
    def apart(a: list[float], b: list[float]) -> float:
        return cosine(a, b) if any(a) and any(b) else 1.0

    wanted = [min(apart(a, b) for j, b in enumerate(rows) if j != i) for i, a in enumerate(rows)]
    np.testing.assert_allclose(novelty(csr_array(np.array(rows, dtype=np.float32))), wanted, atol=1e-6)


def test_a_duplicate_is_not_new_and_one_candidate_alone_is() -> None:
    rows = np.array([[1, 0, 3], [1, 0, 3], [0, 2, 0]], dtype=np.float32)
    assert novelty(csr_array(rows)).tolist() == [0, 0, 1]
    assert novelty(csr_array(rows[:1])).tolist() == [1]


def test_novelty_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = csr_array(np.random.default_rng(0).random((23, 9)).astype(np.float32))
    whole = novelty(rows)
    monkeypatch.setattr("benchmark.sae.scores.BLOCK", 5)
    np.testing.assert_array_equal(novelty(rows), whole)


def test_silent_features_cover_nothing_and_a_constant_one_is_covered_by_all() -> None:
    assert coverage(csr_array(np.zeros((3, 4), dtype=np.float32))).tolist() == [0, 0, 0]
    constant = csr_array(np.tile(np.array([1, 0, 0], dtype=np.float32), (3, 1)))
    assert coverage(constant).tolist() == [1, 1, 1]
    assert novelty(constant).tolist() == [0, 0, 0]


def test_a_dictionary_that_is_silent_has_scores(llama: LoadedModel, examples: list[Example]) -> None:
    silent = replace(random_autoencoder(48, 80), threshold=torch.tensor(torch.inf))
    found = score(Reader(llama, 1, ("residual",)), {"residual": silent}, examples, Budget(100))
    assert np.isfinite(found.scores).all()
    assert (
        found.scores[..., [STATISTICS.index(name) for name in ("sae_l0", "sae_largest", "sae_coverage")]] == 0
    ).all()
    assert (found.scores[..., STATISTICS.index("sae_novelty")] == 1).all()


def test_a_candidate_that_cannot_be_read_is_named(llama: LoadedModel, qwen2: LoadedModel) -> None:
    long = Example("x" * 200, " y", references=("y",), id="long")
    with pytest.raises(BenchmarkError, match=r"candidate long has 20\d tokens, more than model llama reads"):
        score(Reader(llama, 1, ()), {}, [long], Budget(100))
    short = Example("x", " y", references=("y",), id="short")
    with pytest.raises(BenchmarkError, match="candidate short has no input token after position 0"):
        score(Reader(qwen2, 1, ()), {}, [short], Budget(100))
