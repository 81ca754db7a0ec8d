from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array, vstack

from benchmark.artefacts.column import Column
from benchmark.artefacts.features import LAYER, POOLING, STATISTICS, FeatureScores, of_features
from benchmark.errors import BenchmarkError

SITES, MASKS = ("mlp_output", "residual"), ("causal", "input")


def make(n: int = 6, width: int = 9, seed: int = 0) -> tuple[FeatureScores, np.ndarray]:
    """Scores, and the dense largest activations [site, mask, candidate, feature] that they hold."""
    draw = np.random.default_rng(seed)
    dense = draw.random((2, 2, n, width)).astype(np.float32) * (draw.random((2, 2, n, width)) < 0.3)
    whole = vstack([csr_array(dense[s, m]) for s in range(2) for m in range(2)], format="csr")
    scores = FeatureScores(
        scores=draw.standard_normal((n, 2, 2, len(STATISTICS))),
        candidates=np.array([f"c{i}" for i in range(n)]),
        sites=np.array(SITES),
        masks=np.array(MASKS),
        statistics=np.array(STATISTICS),
        values=whole.data,
        indices=whole.indices.astype(np.int32),
        starts=whole.indptr.astype(np.int64),
        width=np.array(width),
    )
    return scores, dense


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    scores, dense = make()
    scores.write(tmp_path / "x.npz")
    found = FeatureScores.read(tmp_path / "x.npz")
    for s, site in enumerate(SITES):
        for m, mask in enumerate(MASKS):
            np.testing.assert_array_equal(found.features(site, mask).toarray(), dense[s, m])
            for k, name in enumerate(STATISTICS):
                column = found.column(Column(site, mask, POOLING, LAYER, name))
                np.testing.assert_array_equal(column, scores.scores[:, s, m, k].astype(np.float32))


def test_a_file_whose_parts_do_not_fit_is_refused(tmp_path: Path) -> None:
    scores, _ = make()
    for wrong in (replace(scores, candidates=scores.candidates[:-1]), replace(scores, starts=scores.starts[:-1])):
        wrong.write(tmp_path / "x.npz")
        with pytest.raises(BenchmarkError, match=r"x\.npz: scores are .*: run the sae stage again"):
            FeatureScores.read(tmp_path / "x.npz")


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(BenchmarkError, match=r"have no attention among their sites \(mlp_output, residual\)"):
        make()[0].column(Column("attention", "input", POOLING, LAYER, "sae_loss"))


def test_columns_of_features_are_told_from_those_of_activations() -> None:
    assert of_features(Column("residual", "causal", POOLING, LAYER, "sae_l0"))
    assert not of_features(Column("residual", "causal", "mean", "mean", "max_abs"))
