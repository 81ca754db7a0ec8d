from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.artefacts.cells import KEY
from benchmark.artefacts.correlations import COLUMNS, read_correlations
from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, read_table, write_arrays, write_table
from tests.analysis.conftest import Workplace
from tests.analysis.upstream import PAIRS, parameters, write_all

TEXT = ("layer", "undefined")


@pytest.fixture(scope="module")
def table(finished: Workplace) -> pd.DataFrame:
    return read_table(finished.correlations, text=TEXT)


def test_columns_and_cells(table: pd.DataFrame) -> None:
    assert tuple(table.columns) == COLUMNS
    assert not table.duplicated(list(KEY)).any()
    one_shot = table[table["shots"] == 1]
    means = len(PAIRS) * 2 * 2 * 2 * (3 + 1)  # masks, poolings, outcomes; statistics of both sites
    layers = len(PAIRS) * 2 * 2 * 3 * 3  # masks, outcomes, layers, statistics of the MLP output pooled by mean
    assert len(one_shot) == means + layers
    assert len(table) - len(one_shot) == len(PAIRS) * 2 * 2 * 3
    assert set(table["n"][table["shots"] == 1]) == {600}


def test_a_layer_is_what_scipy_says(finished: Workplace, table: pd.DataFrame) -> None:
    raw = read_arrays(finished.folder / "activations" / "beta" / "one" / "scores.npz")["scores"]
    performance = read_arrays(finished.folder / "quality" / "beta" / "one" / "matrices.npz")["performance"]
    expected = stats.spearmanr(raw[:, 0, 1, 0, 2, 2], performance.mean(axis=1).round(6))
    query = "model == 'beta' and dataset == 'one' and mask == 'self' and statistic == 'max_abs' and layer == '2'"
    row = table.query(f"{query} and outcome == 'performance'").iloc[0]
    assert row["rho"] == pytest.approx(expected.statistic, abs=1e-6)
    assert row["p_value"] == pytest.approx(expected.pvalue, abs=1e-6)
    assert row["ci_low"] < row["rho"] < row["ci_high"]


def test_a_set_has_the_mean_score_of_its_members(finished: Workplace, table: pd.DataFrame) -> None:
    raw = read_arrays(finished.folder / "activations" / "alpha" / "two" / "scores.npz")["scores"]
    sets = read_arrays(finished.folder / "quality" / "alpha" / "two" / "sets.npz")
    score = raw[:, 0, 0, 0, :, 2].mean(axis=1)[sets["members_4"]].mean(axis=1)
    expected = stats.spearmanr(score, sets["log_probability_4"].mean(axis=1)).statistic
    query = "model == 'alpha' and dataset == 'two' and mask == 'causal' and statistic == 'max_abs' and shots == 4"
    row = table.query(f"{query} and outcome == 'quality'").iloc[0]
    assert row["n"] == 50
    assert row["rho"] == pytest.approx(expected, abs=1e-3)  # gains are rounded to 1e-5


def test_constant_scores_are_listed_with_the_reason(table: pd.DataFrame) -> None:
    constant = table[(table["mask"] == "causal") & (table["statistic"] == "variance") & (table["pooling"] == "mean")]
    assert len(constant) > 0
    assert set(constant["undefined"]) == {"score constant"}
    assert constant["rho"].isna().all()
    assert not table["rho"][table["undefined"] == ""].isna().any()


def test_nothing_is_written_where_a_pool_is_bad(tmp_path: Path) -> None:
    write_all(tmp_path, n=40)
    place = Workplace(tmp_path)
    path = tmp_path / "quality" / "alpha" / "two" / "matrices.npz"
    arrays = read_arrays(path)
    arrays["performance"][0, 0] = np.nan
    write_arrays(path, **arrays)
    with pytest.raises(BenchmarkError, match="performance of candidate c0"):
        place.correlate(parameters())
    assert not place.results.exists()


def test_a_foreign_file_is_named(place: Workplace) -> None:
    (place.cells / "old-one.npz").write_bytes(b"")
    with pytest.raises(BenchmarkError, match=r"holds old-one\.npz"):
        place.correlate(parameters())


def test_running_again_gives_the_same_bytes(place: Workplace) -> None:
    paths = [place.correlations, *sorted(place.cells.glob("*.npz"))]
    before = [path.read_bytes() for path in paths]
    place.correlate(parameters())
    assert [path.read_bytes() for path in paths] == before


def test_an_infinite_score_is_undefined_and_not_dropped(tmp_path: Path) -> None:
    write_all(tmp_path, n=40)
    path = tmp_path / "activations" / "alpha" / "one" / "scores.npz"
    arrays = read_arrays(path)
    arrays["scores"][7, 0, 1, 0, 1, 0] = np.inf
    write_arrays(path, **arrays)
    place = Workplace(tmp_path)
    place.correlate(parameters())
    table = read_table(place.correlations, text=TEXT)
    bad = table[(table["undefined"] == "score not finite") & (table["shots"] == 1)]
    assert set(bad["layer"]) == {"mean", "1"}
    assert len(bad) == 4


@pytest.mark.parametrize("name", ["rho", "dataset", "undefined"])
def test_a_missing_column_is_named(place: Workplace, name: str) -> None:
    write_table(place.correlations, read_table(place.correlations, text=TEXT).drop(columns=name))
    with pytest.raises(BenchmarkError, match=f"lacks the column {name}"):
        read_correlations(place.correlations)


def test_a_cell_that_occurs_twice_is_named(place: Workplace) -> None:
    table = read_table(place.correlations, text=TEXT)
    table.loc[len(table)] = table.loc[3]
    write_table(place.correlations, table)
    with pytest.raises(BenchmarkError, match="holds a cell twice: alpha/one/self/mean"):
        read_correlations(place.correlations)


def test_nan_without_a_reason_is_named(place: Workplace) -> None:
    table = read_table(place.correlations, text=TEXT)
    table.loc[0, "rho"] = np.nan
    write_table(place.correlations, table)
    with pytest.raises(BenchmarkError, match="no reason given, in alpha/one/causal/mean"):
        read_correlations(place.correlations)
