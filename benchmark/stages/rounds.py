"""rounds: what labels are worth that selectors buy in rounds from a pool that has none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from benchmark.params import Params
from benchmark.stages.names import POOL, POOL_INHERITED
from benchmark.stages.stage import Out, stage

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from benchmark.analysis.learning import Chance
    from benchmark.selection import Pool, Selector

Tables = tuple["pd.DataFrame", "pd.DataFrame"]
Known = dict["Selector", "NDArray[np.int64] | None"]


@stage(
    parameters=(*POOL, "selection.budgets", "selection.random_orders", "selection.rounds.models"),
    inherited=("models", "datasets", *POOL_INHERITED),
    inputs=(
        "{data}/datasets",
        "{data}/activations",
        "{data}/quality",
        "{data}/embeddings",
        "{data}/features",
        "{data}/labels",
    ),
    outs=(Out("{results}/learning.csv", kept=True), Out("{results}/learning_areas.csv", kept=True)),
)
def run(params: Params) -> None:
    """Let selectors buy labels in rounds, and measure what these are worth."""
    import pandas as pd
    import skactiveml.pool  # noqa: F401  what every fork needs is imported before

    from benchmark.activations import masks  # noqa: F401
    from benchmark.analysis.learning import corrected, over_tasks
    from benchmark.artefacts.learning import AREAS, CURVES, write_learning
    from benchmark.workers import in_forks

    found = in_forks(partial(_tables, params), list(params.datasets))
    tables = [of_dataset[model] for model in params.models for of_dataset in found if model in of_dataset]
    if not tables:
        write_learning(params.results, pd.DataFrame(columns=list(CURVES)), pd.DataFrame(columns=list(AREAS)))
        return
    curves, areas = (pd.concat(part, ignore_index=True) for part in zip(*tables, strict=True))
    means = over_tasks(areas)
    write_learning(params.results, curves, pd.concat([corrected(areas), corrected(means)], ignore_index=True))


def _tables(params: Params, dataset: str) -> dict[str, Tables]:
    """The curves and areas of one dataset by model, without those of a model where no selector takes part.

    Models share what none of them has a part in: random choice, and the orders that go by texts alone.
    """
    import numpy as np

    from benchmark.analysis.learning import learning_tables
    from benchmark.stages.pools import budgets_of, read_material, read_pool

    tables: dict[str, Tables] = {}
    known: Known = {}
    chance = None
    for model in params.models:
        material = read_material(params, model, dataset)
        pool = read_pool(params, model, dataset, material)
        budgets = budgets_of(params, len(pool))
        found = list(_orders(params, model, dataset, pool, budgets, known)) if budgets else []
        if not found:
            continue
        keys = [{"model": model, "dataset": dataset, **key} for key, _ in found]
        chance = chance or _chance(params, dataset, pool, budgets)
        matrices, judging = material.matrices, material.judging
        outcomes = {
            "performance": matrices.performance[:, judging].astype(np.float64),
            "gain": matrices.gain[:, judging].astype(np.float64),
        }
        tables[model] = learning_tables(keys, np.stack([order for _, order in found]), chance, outcomes)
    return tables


def _chance(params: Params, dataset: str, pool: Pool, budgets: list[int]) -> Chance:
    from benchmark.analysis.learning import Chance, ranks
    from benchmark.seeds import generator
    from benchmark.selection.feature import cosines, kind
    from benchmark.selection.rounds import random_orders

    section = params.selection
    draw = generator(params.seed, "rounds", "random", dataset)
    random = random_orders(len(pool), section.random_orders, budgets[-1], draw)
    compared = kind("embeddings" if "embeddings" in section.features else "tfidf").compute(pool)
    nearness = ranks(cosines(compared.candidates, compared.asked), draw.permutation(len(pool)))
    return Chance(random, budgets, nearness)


def _orders(
    params: Params, model: str, dataset: str, pool: Pool, budgets: list[int], known: Known
) -> Iterator[tuple[dict[str, str], NDArray[np.int64]]]:
    """What names each selector that takes part, and the order in which it has candidates labelled.

    `known` are the orders so far, of another model.
    """
    from benchmark.artefacts.orders import read_orders
    from benchmark.selection import UndefinedError
    from benchmark.selection.feature import of_texts
    from benchmark.selection.rounds import label_in_rounds, unlabelled

    for selector in unlabelled(pool, params.selection.selectors):
        if selector not in known or not of_texts(selector.features):
            try:
                known[selector] = label_in_rounds(selector, pool, budgets, params.seed)
            except UndefinedError:
                known[selector] = None
        order = known[selector]
        if order is not None:
            yield selector.keys | {"asked": ""}, order
    if model in params.selection.rounds.models:
        for keys, order in read_orders(params.part("labels", model, dataset)):
            if len(order):
                yield keys | {"asked": "each round"}, order
