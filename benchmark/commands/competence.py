"""Does a model of the profile learn its tasks in context? Performance by the number of demonstrations.

    python -m benchmark competence      # results/competence.csv, from what the quality stage wrote; needs no model
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.artefacts.matrices import Matrices
from benchmark.artefacts.sets import read_sets
from benchmark.params import Params
from benchmark.storage import write_table
from benchmark.tasks.dataset import Dataset


def competence(dataset: Dataset, matrices: Matrices, sets: dict[int, tuple[NDArray, NDArray]]) -> pd.DataFrame:  # type: ignore[type-arg]
    """One row for each number of shots, 0 and 1 and the sizes of `sets`.

    `sets` maps a size k to log-probability and performance, each float [set, query]. Columns: `shots`; `prompts`, the
    demonstrations or sets that were tried; `queries`; `performance`, the mean of the metric over both, in [0, 1];
    `log_probability`, the mean over both, in nats; `majority`, what always answering the commonest target would give;
    `label_share`, see the function of that name (one shot of a classification task, else NaN).
    """
    shots = {
        0: (matrices.zero_shot_log_probability[None], matrices.zero_shot_performance[None]),
        1: (matrices.log_probability, matrices.performance),
        **sets,
    }
    targets = Counter(query.target for query in dataset.queries)
    rows = [
        {
            "shots": size,
            "prompts": len(performance),
            "queries": performance.shape[1],
            "performance": float(np.mean(performance, dtype=np.float64)),
            "log_probability": float(np.mean(log_probability, dtype=np.float64)),
            "majority": targets.most_common(1)[0][1] / len(dataset.queries),
            "label_share": label_share(dataset, matrices.log_probability) if size == 1 else float("nan"),
        }
        for size, (log_probability, performance) in sorted(shots.items())
    ]
    return pd.DataFrame(rows)


def label_share(dataset: Dataset, log_probability: NDArray[np.floating]) -> float:
    """Of the variance of log p within queries, the share that goes with the demonstration's having the query's label.

    `log_probability` is [candidate, query]. Near 1, a demonstration is only as good as its label fits. NaN for a
    generative task and where log p does not vary.
    """
    if dataset.kind != "classification":
        return float("nan")
    labels = [np.array([example.target for example in part]) for part in (dataset.pool, dataset.queries)]
    same = labels[0][:, None] == labels[1][None, :]
    centred = log_probability.astype(np.float64) - log_probability.mean(axis=0, dtype=np.float64)
    total = float((centred**2).sum())
    explained = sum(
        float((group.sum(axis=0) ** 2 / np.maximum(mask.sum(axis=0), 1)).sum())
        for mask in (same, ~same)
        for group in [np.where(mask, centred, 0.0)]
    )
    return explained / total if total > 0 else float("nan")


def run(params: Params) -> str:
    """Writes `results/competence.csv` of every model and dataset, and returns it as a table to print."""
    parts = []
    for model in params.models:
        for name in params.datasets:
            dataset = Dataset.read(params.dataset_folder(name))
            folder = params.part("quality", model, name)
            sets = {k: (part.log_probability, part.performance) for k, part in read_sets(folder).items()}
            part = competence(dataset, Matrices.read(folder), sets)
            part.insert(0, "metric", dataset.metric)
            part.insert(0, "dataset", name)
            part.insert(0, "model", model)
            parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    write_table(params.results / "competence.csv", table)
    return str(table.to_string(index=False, na_rep="", float_format="{:.3f}".format))
