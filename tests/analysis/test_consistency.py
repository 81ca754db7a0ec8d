from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.analysis.consistency import agreement, consistency


def family(rho: dict[tuple[str, str, str], float]) -> pd.DataFrame:
    """Cells of one outcome: {(model, dataset, statistic): rho}."""
    fixed = {
        "mask": "causal",
        "pooling": "mean",
        "site": "mlp_output",
        "layer": "mean",
        "outcome": "quality",
        "shots": 1,
    }
    rows = [{"model": m, "dataset": d, "statistic": s, "rho": value, **fixed} for (m, d, s), value in rho.items()]
    return pd.DataFrame(rows)


def test_interval_is_students_over_datasets() -> None:
    rho = {("a", "x", "s"): 0.1, ("b", "x", "s"): 0.3, ("a", "y", "s"): 0.0, ("a", "z", "s"): -0.1}
    row = consistency(family(rho), 0.05).iloc[0]
    means = [0.2, 0.0, -0.1]
    expected = stats.t.interval(0.95, 2, loc=np.mean(means), scale=stats.sem(means))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected)
    assert row["mean_rho"] == pytest.approx(np.mean(means))
    assert (row["n_pools"], row["n_datasets"]) == (4, 3)
    assert row["sign_agreement"] == 0.5
    assert (row["min_rho"], row["max_rho"]) == (-0.1, 0.3)


def test_undefined_cells_do_not_count_and_one_dataset_has_no_interval() -> None:
    rho = {("a", "x", "s"): 0.1, ("a", "y", "s"): np.nan, ("a", "x", "t"): np.nan, ("a", "y", "t"): np.nan}
    table = consistency(family(rho), 0.05).set_index("statistic")
    assert table.loc["s", "undefined"] == "no interval from one dataset"
    assert table.loc["s", "mean_rho"] == 0.1
    assert np.isnan(table.loc["s", "ci_low"])
    assert table.loc["t", "undefined"] == "no rho"


def test_agreement_is_scipys_over_shared_cells() -> None:
    rng = np.random.default_rng(0)
    cells = {(m, d, s): float(rng.normal()) for m in "ab" for d in "xyz" for s in "stuv"}
    cells[("a", "x", "s")] = np.nan
    row = agreement(family(cells)).iloc[0]
    shared = [(d, s) for d in "xyz" for s in "stuv" if (d, s) != ("x", "s")]
    a, b = ([cells[(m, d, s)] for d, s in shared] for m in "ab")
    assert row["n_cells"] == 11
    assert row["agreement"] == pytest.approx(stats.spearmanr(a, b).statistic)
    assert row["sign_agreement"] == pytest.approx(np.mean(np.sign(a) == np.sign(b)))


def test_one_model_has_none_to_agree_with() -> None:
    assert agreement(family({("a", "x", "s"): 0.1})).empty
