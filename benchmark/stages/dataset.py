"""dataset@D: the pool and queries of one dataset."""

from __future__ import annotations

from benchmark.params import Params
from benchmark.sources.datasets import DatasetSource


def run(params: Params, name: str) -> None:
    folder = params.dataset_folder(name)
    source: DatasetSource = params.datasets[name]
    source.build(name).write(folder)
