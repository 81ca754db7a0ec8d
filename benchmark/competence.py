"""Does a model of the profile learn its tasks in context? Performance by the number of demonstrations.

python -m benchmark competence      # results/competence.csv, from what the quality stage wrote; needs no model
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.artefacts.matrices import Matrices
from benchmark.artefacts.sets import Sets, read_sets
from benchmark.params import Params
from benchmark.storage import write_table
from benchmark.tasks.dataset import Dataset

NAN = float("nan")


def competence(dataset: Dataset, matrices: Matrices, sets: Mapping[int, Sets]) -> pd.DataFrame:
    """One row for each number of shots: 0, 1, and the sizes of `sets` {k: of that size}.

    Columns: `shots`; `prompts`, how many demonstrations or sets were tried; `queries`; `performance`, the mean of the
    metric over both, in [0, 1]; `log_probability` of the target, the mean over both, nats; `majority`, what the
    commonest target as every answer would give; `label_share` at one shot, see `label_share`.
    """
    commonest = Counter(query.target for query in dataset.queries).most_common(1)[0][1]
    shots = {
        0: (matrices.zero_shot_log_probability[None], matrices.zero_shot_performance[None]),
        1: (matrices.log_probability, matrices.performance),
        **{size: (part.log_probability, part.performance) for size, part in sets.items()},
    }
    return pd.DataFrame(
        {
            "shots": size,
            "prompts": len(performance),
            "queries": performance.shape[1],
            "performance": performance.mean(dtype=np.float64),
            "log_probability": log_probability.mean(dtype=np.float64),
            "majority": commonest / len(dataset.queries),
            "label_share": label_share(dataset, log_probability) if size == 1 else NAN,
        }
        for size, (log_probability, performance) in sorted(shots.items())
    )


def label_share(dataset: Dataset, log_probability: NDArray[np.floating]) -> float:
    """Of the variance of log p within queries, the share between demonstrations of the query's label and others.

    `log_probability` is [candidate, query]; eta squared of a one-way analysis in each query, pooled. Near 1, all that
    counts is which label a demonstration shows. NaN for a generative task, and where log p does not vary.
    """
    if dataset.kind != "classification":
        return NAN
    shown, asked = (np.array([example.target for example in part]) for part in (dataset.pool, dataset.queries))
    same = shown[:, None] == asked[None, :]
    values = log_probability.astype(np.float64)
    deviation = values - values.mean(axis=0)
    between = sum(
        (np.where(group, deviation, 0).sum(axis=0) ** 2 / np.maximum(group.sum(axis=0), 1)).sum()
        for group in (same, ~same)
    )
    total = (deviation**2).sum()
    return float(between / total) if total > 0 else NAN


def run(params: Params) -> str:
    """Writes `results/competence.csv` of every model and dataset, and returns it as text."""
    parts = []
    for model in params.models:
        for name in params.datasets:
            dataset = Dataset.read(params.dataset_folder(name))
            folder = params.part("quality", model, name)
            part = competence(dataset, Matrices.read(folder), read_sets(folder))
            parts.append(part.assign(model=model, dataset=name, metric=dataset.metric))
    table = pd.concat(parts, ignore_index=True)
    first = ["model", "dataset", "metric"]
    table = table[[*first, *table.columns.drop(first)]]
    write_table(params.results / "competence.csv", table)
    return str(table.to_string(index=False, na_rep="", float_format="{:.3f}".format))
