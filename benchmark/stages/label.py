"""label@M: the labels that selectors buy in rounds with the model asked anew in each, under what was labelled before.

For the models that `selection.rounds` names. Selectors that ask nothing buy their labels in the stage `rounds`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.artefacts.orders import write_orders
from benchmark.artefacts.prompts import Prompt
from benchmark.params import Params
from benchmark.parts import Arrays, Shard, Work, compute_parts
from benchmark.selection import Pool, Selector, UndefinedError
from benchmark.selection.rounds import Asking, label_in_rounds, unsure
from benchmark.stages.names import COMPUTED, POOL, POOL_INHERITED
from benchmark.stages.pools import Material, budgets_of, listed, pool_inputs, read_material, read_pool
from benchmark.stages.stage import Out, stage

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel

ORDERS = "orders"


@dataclass
class Labelling(Work):
    """A shard is one dataset: what all selectors ask before anything is labelled is asked once."""

    _pools: dict[str, tuple[Material, Pool]] = field(default_factory=dict)

    stage = "label"
    folder = "labels"

    @property
    def token_budget(self) -> int:
        return self.params.quality.token_budget

    def inputs(self, dataset: str) -> dict[str, Any]:
        return super().inputs(dataset) | pool_inputs(self.params, self.model, dataset)

    def read(self, dataset: str) -> tuple[Material, Pool]:
        if dataset not in self._pools:
            material = read_material(self.params, self.model, dataset)
            self._pools[dataset] = material, read_pool(self.params, self.model, dataset, material)
        return self._pools[dataset]

    def selectors(self, dataset: str) -> Sequence[Selector]:
        pool = self.read(dataset)[1]
        asked = pool.n_choices and budgets_of(self.params, len(pool))
        return unsure(pool, self.params.selection.selectors) if asked else ()

    def shards(self, dataset: str, done: Mapping[str, Arrays]) -> Sequence[Shard]:
        selectors, n = self.selectors(dataset), len(self.read(dataset)[1])
        later = [n - labelled for labelled in budgets_of(self.params, n)[:-1]]
        size = n + len(selectors) * self.params.selection.rounds.prompts * sum(later)
        return [Shard(ORDERS, size)] if selectors else []

    def compute(self, loaded: LoadedModel, dataset: str, shard: Shard, budget: Budget) -> Arrays:
        from benchmark.quality.asking import ask

        material, pool = self.read(dataset)
        section, budgets = self.params.selection.rounds, budgets_of(self.params, len(pool))

        @cache
        def said(prompts: tuple[Prompt, ...]) -> NDArray[np.float64]:
            return ask(loaded, material.data, prompts, budget)

        asking = Asking(section.shots, section.prompts, lambda each: said(tuple(listed(each, material.judging))))
        orders = {}
        for number, selector in enumerate(self.selectors(dataset)):
            try:
                order = label_in_rounds(selector, pool, budgets, self.params.seed, asking)
            except UndefinedError:
                order = np.empty(0, dtype=np.int64)
            orders[f"{number:04d}"] = order
        return orders

    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        names = [selector.keys for selector in self.selectors(dataset)]
        write_orders(folder, names, [order for orders in shards.values() for order in orders.values()])


@stage(
    per="rounds",
    parameters=(*POOL, "selection.budgets", "selection.rounds.shots", "selection.rounds.prompts"),
    inherited=(*POOL_INHERITED, "quality.token_budget", *COMPUTED),
    inputs=(
        "{data}/datasets",
        "{data}/models/{model}",
        "{data}/activations/{model}",
        "{data}/quality/{model}",
        "{data}/embeddings/{model}",
        "{data}/features",
    ),
    outs=(Out("{data}/labels/{model}"),),
)
def run(params: Params, model: str) -> None:
    """Let selectors buy labels in rounds that ask MODEL anew, under what was labelled before."""
    compute_parts(Labelling(params, model))
