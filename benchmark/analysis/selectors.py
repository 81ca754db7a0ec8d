"""Is a selector better than random choice, over tasks, or in one pool?"""

from __future__ import annotations

import pandas as pd

from benchmark.analysis.paired import holm, paired_t


def selectors_over_tasks(table: pd.DataFrame) -> pd.DataFrame:
    """Every selector's mean over tasks: a row for each selector, direction, features, shots and metric.

    `difference` from random choice, with `low` and `high`, its 95 % interval over tasks (each the mean over models and
    masks), the one-sided `p` of the paired t-test over them, `p_family`, Holm's over the selectors of the same shots
    and metric, and the mean `percentile` and `percentile_same_target`.
    """
    groups = ["selector", "direction", "features", "shots", "metric"]
    numbers = ["difference", "percentile", "percentile_same_target"]
    table = table.assign(difference=table["score"] - table["random_mean"])
    by_task = table.groupby([*groups, "dataset"], sort=False)[numbers].mean().reset_index()
    rows = []
    for key, tasks in by_task.groupby(groups, sort=False):
        _, low, high, p = (float(value) for value in paired_t(tasks["difference"].to_numpy()))
        tested = {"low": low, "high": high, "p": p} if key[0] != "random" else {}
        rows.append(dict(zip(groups, key, strict=True)) | tasks[numbers].mean().to_dict() | tested)
    means = pd.DataFrame(rows)
    families = means.groupby(["shots", "metric"], sort=False)["p"]
    return means.assign(p_family=families.transform(lambda p: holm(p.to_numpy())))


def against_random(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of `results/selection.csv` with `difference` from random choice and `p_family`.

    The latter is Holm's over all selectors and pools of the same shots and metric.
    """
    groups = table.groupby(["shots", "metric"], sort=False)["p"]
    family = groups.transform(lambda p: holm(p.to_numpy()))
    return table.assign(difference=table["score"] - table["random_mean"], p_family=family)
