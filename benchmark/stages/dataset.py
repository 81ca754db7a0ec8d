"""dataset@D: the pool and queries of one dataset."""

from __future__ import annotations

from benchmark.params import EmbeddedDataset, Params


def run(params: Params, name: str) -> None:
    folder = params.dataset_folder(name)
    source = params.datasets[name]
    if isinstance(source, EmbeddedDataset):
        from benchmark.tasks.embedded import build_dataset

        dataset = build_dataset(name, source.family, source.seed, source.pool, source.queries, source.split)
    else:
        from benchmark.tasks.hub import load_dataset

        dataset = load_dataset(name, source)
    dataset.write(folder)
