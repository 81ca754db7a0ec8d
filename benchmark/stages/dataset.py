"""dataset: the pool and queries of every dataset of the profile."""

from __future__ import annotations

from benchmark.errors import BenchmarkError
from benchmark.params import Params
from benchmark.stages.stage import Out, stage


@stage(parameters=("datasets",), outs=(Out("{data}/datasets"),))
def run(params: Params) -> None:
    """Write the pool and the queries of every dataset. One that fails is named; the others are written."""
    failed = []
    for name in params.datasets:
        try:
            write(params, name)
        except BenchmarkError as error:
            failed.append(f"dataset {name}: {error}")
    if failed:
        more = f" (and {len(failed) - 1} more datasets failed)" if len(failed) > 1 else ""
        raise BenchmarkError(f"{failed[0]}{more}")


def write(params: Params, name: str) -> None:
    from benchmark.params import EmbeddedDataset

    folder = params.dataset_folder(name)
    source = params.datasets[name]
    if isinstance(source, EmbeddedDataset):
        from benchmark.tasks.embedded import build_dataset

        dataset = build_dataset(name, source.family, source.seed, source.pool, source.queries, source.split)
    else:
        from benchmark.tasks.hub import load_dataset

        dataset = load_dataset(name, source)
    dataset.write(folder)
