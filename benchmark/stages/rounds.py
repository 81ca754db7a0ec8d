"""rounds: what labels are worth that selectors buy in rounds from a pool that has none."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.params import Params
from benchmark.stages.stage import Out, stage

if TYPE_CHECKING:
    import pandas as pd


@stage(
    parameters=("models", "datasets", "extraction.masks", "selection", "seed"),
    inputs=("{data}/datasets", "{data}/activations", "{data}/quality", "{data}/sae"),
    outs=(Out("{results}/learning.csv", kept=True),),
)
def run(params: Params) -> None:
    """Let selectors buy labels in rounds, and measure what these are worth."""
    import pandas as pd

    from benchmark import workers
    from benchmark.artefacts.learning import write_learning

    with tempfile.TemporaryDirectory(prefix="rounds-") as folder:
        pools = Pools(params, Path(folder))
        for _, failure in workers.run(pools, "cpu", 1):
            if failure:
                raise failure
        tables = [pd.read_parquet(pools.place(index)) for index in range(len(pools))]
    write_learning(params.results / "learning.csv", pd.concat(tables, ignore_index=True))


@dataclass(frozen=True)
class Pools:
    """The `workers.Job`: a task is a pool, whose rows go into `folder`. No model is loaded."""

    params: Params
    folder: Path

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(model, dataset) for model in self.params.models for dataset in self.params.datasets]

    def __len__(self) -> int:
        return len(self.pairs)

    def load(self) -> None:
        from benchmark.activations import masks  # noqa: F401  what every worker needs is imported before they fork

    def place(self, index: int) -> Path:
        return self.folder / f"{index}.parquet"

    def perform(self, loaded: None, index: int) -> None:
        _pool(self.params, *self.pairs[index]).to_parquet(self.place(index))


def _pool(params: Params, model: str, dataset: str) -> pd.DataFrame:
    """The rows of one pool; empty where no selector takes part."""
    import numpy as np
    import pandas as pd

    from benchmark.activations.masks import MASKS
    from benchmark.analysis.learning import learning_rows, ranks
    from benchmark.artefacts.learning import COLUMNS
    from benchmark.artefacts.matrices import Matrices
    from benchmark.artefacts.scores import ActivationScores
    from benchmark.artefacts.sets import read_sets
    from benchmark.artefacts.uncertainty import read_uncertainty
    from benchmark.seeds import generator
    from benchmark.selection import UndefinedError, build_pool, halves
    from benchmark.selection.feature import cosines, kind
    from benchmark.selection.rounds import label_in_rounds, random_orders, unlabelled
    from benchmark.selection.text import features
    from benchmark.stages.features import read_features
    from benchmark.tasks.dataset import Dataset

    section = params.selection
    data = Dataset.read(params.dataset_folder(dataset))
    activations, qualities = (params.part(part, model, dataset) for part in ("activations", "quality"))
    matrices = Matrices.read(qualities)
    choosing, judging = halves(len(data.queries), section.query_share, params.seed)
    pool = build_pool(
        data,
        ActivationScores.read(activations).arrays(),
        matrices.arrays(),
        read_uncertainty(qualities),
        read_sets(qualities),
        (choosing, judging),
        [name for name in params.extraction.masks if not MASKS[name].needs_label],
        [name for name in section.features if not kind(name).embedding],
        dictionaries=read_features(params, model, dataset),
    )
    budgets = [budget for budget in section.budgets if budget <= len(pool)]  # a smaller pool has a shorter curve
    keys, orders = [], []
    for selector in unlabelled(pool, section.selectors) if budgets else ():
        try:
            orders.append(label_in_rounds(selector, pool, budgets, params.seed))
        except UndefinedError:
            continue
        names = {name: str(getattr(selector, name)) for name in ("direction", "mask", "features")}
        keys.append({"model": model, "dataset": dataset, "selector": selector.name, **names})
    if not orders:
        return pd.DataFrame(columns=list(COLUMNS))
    draw = generator(params.seed, "rounds", "random", dataset)  # the same orders for every model
    random = random_orders(len(pool), section.random_orders, budgets[-1], draw)
    rows, asked = features(pool.inputs, pool.asked_inputs)
    outcomes = {
        "performance": matrices.performance[:, judging].astype(np.float64),
        "gain": matrices.gain[:, judging].astype(np.float64),
    }
    nearness = ranks(cosines(rows, asked), draw.permutation(len(pool)))
    return learning_rows(keys, np.stack(orders), random, budgets, outcomes, nearness)
