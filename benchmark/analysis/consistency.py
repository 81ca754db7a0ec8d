"""Is a statistic's rho the same over tasks and models? A selector is useful only if it is."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import special

from benchmark.analysis.ranking import spearman

COLUMN = ["mask", "statistic", "pooling", "site", "layer", "outcome", "shots"]


def consistency(family: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """For each column and outcome of `family` (key and rho), over pools: the columns of `consistency.csv`.

    The interval is Student's over datasets, models averaged first: pools of one dataset are not independent.
    """
    rows = []
    for key, cells in family.groupby(COLUMN, sort=False):
        defined = cells["rho"].notna().to_numpy()
        rho, dataset = (cells[name].to_numpy()[defined] for name in ("rho", "dataset"))
        datasets = np.array([rho[dataset == name].mean() for name in dict.fromkeys(dataset)])
        row = dict(zip(COLUMN, key, strict=True)) | {"n_pools": len(rho), "n_datasets": len(datasets)}
        row |= dict.fromkeys(("mean_rho", "ci_low", "ci_high", "sign_agreement", "min_rho", "max_rho"), np.nan)
        row["undefined"] = "" if len(datasets) > 1 else "no interval from one dataset" if len(rho) else "no rho"
        if len(rho):
            positive = float((rho > 0).mean())
            row |= {"mean_rho": datasets.mean(), "min_rho": rho.min(), "max_rho": rho.max()}
            row["sign_agreement"] = max(positive, float((rho < 0).mean()))
        if len(datasets) > 1:
            width = special.stdtrit(len(datasets) - 1, 1 - alpha / 2) * datasets.std(ddof=1) / len(datasets) ** 0.5
            row |= {"ci_low": max(-1.0, row["mean_rho"] - width), "ci_high": min(1.0, row["mean_rho"] + width)}
        rows.append(row)
    return pd.DataFrame(rows)


def agreement(family: pd.DataFrame) -> pd.DataFrame:
    """For each outcome and two models, over the cells both define: the columns of `agreement.csv`."""
    names = ["outcome", "model_a", "model_b", "n_cells", "agreement", "sign_agreement", "undefined"]
    rows = []
    for outcome, cells in family.groupby("outcome", sort=False):
        wide = cells.pivot(index=["dataset", *COLUMN], columns="model", values="rho")
        for a, b in combinations(wide.columns, 2):
            both = wide[[a, b]].dropna().to_numpy().T
            n = both.shape[1]
            rho = float(spearman(both[:1], both[1:]).item()) if n else np.nan
            signs = float((np.sign(both[0]) == np.sign(both[1])).mean()) if n else np.nan
            reason = "" if np.isfinite(rho) else "too few shared cells, or all alike"
            rows.append((outcome, a, b, n, rho, signs, reason))
    return pd.DataFrame(rows, columns=names)
