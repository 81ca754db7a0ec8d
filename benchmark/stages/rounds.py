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
    parameters=("selection",),
    inherited=("models", "datasets", "extraction.masks", "seed"),
    inputs=("{data}/datasets", "{data}/activations", "{data}/quality", "{data}/embeddings", "{data}/features"),
    outs=(Out("{results}/learning.csv", kept=True), Out("{results}/learning_areas.csv", kept=True)),
)
def run(params: Params) -> None:
    """Let selectors buy labels in rounds, and measure what these are worth."""
    import pandas as pd

    from benchmark import workers
    from benchmark.analysis.learning import corrected, over_tasks
    from benchmark.artefacts.learning import AREAS, CURVES, write_learning

    with tempfile.TemporaryDirectory(prefix="rounds-") as folder:
        pools = Pools(params, Path(folder))
        for _, failure in workers.run(pools, "cpu", 1):
            if failure:
                raise failure
        found = [pools.read(index) for index in range(len(pools))]
    tables = [pair for pair in found if pair is not None]
    if not tables:
        write_learning(params.results, pd.DataFrame(columns=list(CURVES)), pd.DataFrame(columns=list(AREAS)))
        return
    curves, areas = (pd.concat(part, ignore_index=True) for part in zip(*tables, strict=True))
    means = over_tasks(areas)
    write_learning(params.results, curves, pd.concat([corrected(areas), corrected(means)], ignore_index=True))


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

    def places(self, index: int) -> list[Path]:
        return [self.folder / f"{index}_{name}.parquet" for name in ("curves", "areas")]

    def perform(self, loaded: None, index: int) -> None:
        tables = _pool(self.params, *self.pairs[index]) or ()
        for place, table in zip(self.places(index), tables, strict=False):
            table.to_parquet(place)

    def read(self, index: int) -> tuple[pd.DataFrame, pd.DataFrame] | None:
        """The curves and areas of a pool; None where no selector takes part."""
        import pandas as pd

        curves, areas = self.places(index)
        return (pd.read_parquet(curves), pd.read_parquet(areas)) if areas.exists() else None


def _pool(params: Params, model: str, dataset: str) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    import numpy as np

    from benchmark.analysis.learning import learning_tables, ranks
    from benchmark.seeds import generator
    from benchmark.selection import UndefinedError
    from benchmark.selection.feature import cosines, kind
    from benchmark.selection.rounds import label_in_rounds, random_orders, unlabelled
    from benchmark.stages.pools import read_material, read_pool

    section = params.selection
    material = read_material(params, model, dataset)
    pool = read_pool(params, model, dataset, material)
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
        return None
    draw = generator(params.seed, "rounds", "random", dataset)  # the same orders for every model
    random = random_orders(len(pool), section.random_orders, budgets[-1], draw)
    compared = kind("embeddings" if "embeddings" in section.features else "tfidf").compute(pool)
    matrices, judging = material.matrices, material.judging
    outcomes = {
        "performance": matrices.performance[:, judging].astype(np.float64),
        "gain": matrices.gain[:, judging].astype(np.float64),
    }
    nearness = ranks(cosines(compared.candidates, compared.asked), draw.permutation(len(pool)))
    return learning_tables(keys, np.stack(orders), random, budgets, outcomes, nearness)
