from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.analysis.cells import build_cells, check_families, read_all_cells, without_rounding
from benchmark.analysis.correlation import Upstream
from benchmark.analysis.parameters import FamilyParameters
from benchmark.artefacts.cells import Cells, query_mean
from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, read_table, write_arrays, write_table
from tests.analysis.conftest import Workplace
from tests.analysis.upstream import CONTEXT, PAIRS, parameters, write_pool

FAMILY = parameters().families["declared"]
FAMILIES = {"declared": FAMILY}
MARK = parameters().cells_fingerprint(CONTEXT)


def build(folder: Path, family: FamilyParameters = FAMILY) -> Cells:
    stages, pool = Upstream(folder), ("alpha", "one")
    return build_cells(
        "alpha", stages.dataset("one"), stages.scores(*pool), stages.matrices(*pool), {"declared": family}, "f"
    )


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    write_pool(tmp_path, "alpha", "one", n=40)
    return tmp_path


def test_scores_and_targets_are_those_of_the_stages(upstream: Path) -> None:
    cells = build(
        upstream, FamilyParameters(masks=("causal", "self"), statistics=("mean", "max_abs"), layers=("mean", 2))
    )
    raw = read_arrays(upstream / "activations" / "alpha" / "one" / "scores.npz")["scores"]
    assert cells.scores.dtype == np.float32
    assert [(c.mask, c.layer, c.statistic) for c in cells.columns[:4]] == [
        ("causal", "mean", "mean"),
        ("causal", "mean", "max_abs"),
        ("causal", "2", "mean"),
        ("causal", "2", "max_abs"),
    ]
    np.testing.assert_array_equal(cells.scores[:, 1], raw[:, 0, 0, 0, :, 2].mean(axis=1).astype(np.float32))
    np.testing.assert_array_equal(cells.scores[:, 6], raw[:, 0, 1, 0, 2, 0].astype(np.float32))
    matrices = read_arrays(upstream / "quality" / "alpha" / "one" / "matrices.npz")
    gain = np.float64(matrices["log_probability"]) - np.float64(matrices["zero_shot_log_probability"])
    np.testing.assert_allclose(cells.gain, gain, atol=6e-6)
    np.testing.assert_allclose(cells.outcome("quality"), gain.mean(axis=1), atol=6e-6)
    np.testing.assert_allclose(cells.outcome("performance"), matrices["performance"].mean(axis=1), atol=1e-6)


def test_a_site_without_a_statistic_adds_no_column(upstream: Path) -> None:
    family = FAMILY.model_copy(update={"sites": ("mlp_output", "residual")})
    columns = build(upstream, family).columns
    assert {c.statistic for c in columns if c.site == "residual"} == {"max_abs"}
    assert len(columns) == 2 * (3 + 1)


def test_reading_gives_what_was_written(upstream: Path) -> None:
    cells = build(upstream)
    cells.write(upstream)
    again = Cells.read(upstream / "alpha-one.npz")
    assert again.columns == cells.columns
    assert again.digest() == cells.digest()
    first = (upstream / "alpha-one.npz").read_bytes()
    again.write(upstream)
    assert (upstream / "alpha-one.npz").read_bytes() == first


def test_the_mean_over_queries_keeps_ties() -> None:
    rng = np.random.default_rng(0)
    row = rng.standard_normal(501).round(5).astype(np.float32)
    shuffled = np.stack([rng.permutation(row) for _ in range(50)])
    assert len(np.unique(query_mean(shuffled))) == 1


@pytest.mark.parametrize(
    ("axis", "change"),
    [
        ("masks", {"masks": ("causal", "no_sink")}),
        ("statistics", {"statistics": ("kurtosis",)}),
        ("layers", {"layers": (9,)}),
        ("poolings", {"poolings": ("last",)}),
    ],
)
def test_what_is_declared_but_not_extracted_is_named(upstream: Path, axis: str, change: dict[str, tuple[str]]) -> None:
    with pytest.raises(BenchmarkError, match=f"lack {axis}"):
        build(upstream, FAMILY.model_copy(update=change))


def spoil(path: Path, **changes: np.ndarray) -> None:
    write_arrays(path, **(read_arrays(path) | changes))


def test_candidates_that_disagree_are_named(upstream: Path) -> None:
    spoil(upstream / "quality" / "alpha" / "one" / "matrices.npz", candidates=np.array([f"d{i}" for i in range(40)]))
    with pytest.raises(BenchmarkError, match=r"disagree about the candidates \(c0 and d0\)"):
        build(upstream)


def test_candidates_and_scores_of_different_n_are_an_error(upstream: Path) -> None:
    path = upstream / "activations" / "alpha" / "one" / "candidates.csv"
    write_table(path, read_table(path).iloc[:-1])
    with pytest.raises(BenchmarkError, match="disagree about the candidates"):
        build(upstream)


def test_a_missing_column_is_named(upstream: Path) -> None:
    path = upstream / "activations" / "alpha" / "one" / "candidates.csv"
    write_table(path, read_table(path).drop(columns="n_target"))
    with pytest.raises(BenchmarkError, match="lacks the column n_target"):
        build(upstream)


@pytest.mark.parametrize("name", ["log_probability", "performance"])
def test_nan_in_an_outcome_is_named(upstream: Path, name: str) -> None:
    path = upstream / "quality" / "alpha" / "one" / "matrices.npz"
    matrix = read_arrays(path)[name].copy()
    matrix[3, 5] = np.nan
    spoil(path, **{name: matrix})
    with pytest.raises(BenchmarkError, match=f"{name} of candidate c3 at query q5 is nan"):
        build(upstream)


def test_a_candidate_named_twice_is_an_error(upstream: Path) -> None:
    cells = build(upstream)
    with pytest.raises(BenchmarkError, match="name a candidate twice"):
        replace(cells, candidates=np.array(["c0"] * 40))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("scores", lambda a: a.astype(str), "scores is <U"),
        ("performance", lambda a: a[0], "performance is float32 with 1 axes"),
        ("n_input", lambda a: a[0], "n_input is int64 with 0 axes"),
        ("mask", lambda a: a[1:], "lists of different lengths"),
    ],
)
def test_an_array_of_another_kind_is_named(
    place: Workplace, name: str, change: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    path = place.cells / "beta-one.npz"
    spoil(path, **{name: change(read_arrays(path)[name])})
    with pytest.raises(BenchmarkError, match=message):
        Cells.read(path)


def test_a_pool_that_occurs_twice_is_an_error(upstream: Path) -> None:
    cells = build(upstream)
    with pytest.raises(BenchmarkError, match="alpha-one occur twice"):
        check_families([cells, cells], FAMILIES)


def test_models_must_share_the_pool_of_a_dataset(tmp_path: Path) -> None:
    write_pool(tmp_path, "alpha", "one", n=40)
    cells = build(tmp_path)
    fewer = {f: getattr(cells, f)[:-1] for f in ("scores", "gain", "performance", "candidates")}
    fewer |= {f: getattr(cells, f)[:-1] for f in ("n_input", "n_target", "target", "first_token")}
    other = replace(cells, model="beta", **fewer)
    with pytest.raises(BenchmarkError, match=r"alpha-one \(n = 40\) and beta-one \(n = 39\)"):
        check_families([cells, other], FAMILIES)


def test_undeclared_and_missing_columns_are_named(upstream: Path) -> None:
    cells = build(upstream)
    with pytest.raises(BenchmarkError, match="hold undeclared column mlp_output/self"):
        check_families([cells], {"declared": FAMILY.model_copy(update={"masks": ("causal",)})})
    with pytest.raises(BenchmarkError, match="lack the declared column mlp_output/prefix"):
        check_families([cells], {"declared": FAMILY.model_copy(update={"masks": ("causal", "self", "prefix")})})


def test_cells_of_other_parameters_are_refused(finished: Workplace) -> None:
    current = {f"{m}-{d}": MARK for m, d in PAIRS}
    assert len(read_all_cells(finished.cells, PAIRS, FAMILIES, current)) == len(PAIRS)
    with pytest.raises(BenchmarkError, match="was made with other parameters"):
        read_all_cells(
            finished.cells,
            PAIRS,
            FAMILIES,
            dict.fromkeys(current, parameters().cells_fingerprint({"extraction": "two"})),
        )


def test_foreign_and_missing_files_are_named(place: Workplace) -> None:
    current = {f"{m}-{d}": MARK for m, d in PAIRS}
    with pytest.raises(BenchmarkError, match=r"holds alpha-two\.npz, which no parameter names"):
        read_all_cells(place.cells, PAIRS[:2], FAMILIES, current)
    (place.cells / "alpha-two.npz").unlink()
    with pytest.raises(BenchmarkError, match=r"alpha-two\.npz is missing"):
        read_all_cells(place.cells, PAIRS, FAMILIES, current)


def test_a_renamed_file_is_refused(place: Workplace) -> None:
    (place.cells / "beta-one.npz").rename(place.cells / "beta-two.npz")
    with pytest.raises(BenchmarkError, match="holds the cells of beta-one"):
        Cells.read(place.cells / "beta-two.npz")


def test_a_damaged_file_is_refused(place: Workplace) -> None:
    path = place.cells / "beta-one.npz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(BenchmarkError, match="is damaged"):
        Cells.read(path)


def test_scores_of_features_that_only_rounding_tells_apart_are_equal() -> None:
    """A feature of one token in two batches; on the other processor the last bit falls otherwise."""
    scores = np.array([2.9662066, 3.5, 2.9662073, 2.9877243, 2.9662083, 2.9663], dtype=np.float32)
    np.testing.assert_array_equal(without_rounding(scores), scores[[0, 1, 0, 3, 0, 5]])
    np.testing.assert_array_equal(without_rounding(-scores), -scores[[4, 1, 4, 3, 4, 5]])
    np.testing.assert_array_equal(without_rounding(np.zeros(3, np.float32)), np.zeros(3))
    drawn = np.random.default_rng(0).permutation(np.arange(1, 400, dtype=np.float32))
    np.testing.assert_array_equal(without_rounding(drawn), drawn)
