"""dataset: the pool and queries of every dataset of the profile."""

from __future__ import annotations

from contextlib import suppress

from benchmark.errors import BenchmarkError
from benchmark.params import Params
from benchmark.sources.datasets import DatasetSource
from benchmark.stages.names import PARAMETERS
from benchmark.stages.stage import Out, selected, stage
from benchmark.storage import write_json


@stage(parameters=("datasets",), outs=(Out("{data}/datasets"),))
def run(params: Params) -> None:
    """Write the pool and the queries of every dataset. One that fails is named; the others are written."""
    together: dict[type[DatasetSource], list[DatasetSource]] = {}
    for source in params.datasets.values():
        together.setdefault(type(source), []).append(source)
    for kind, sources in together.items():
        with suppress(BenchmarkError):  # the dataset at fault is named below
            kind.fetch_together(sources)
    failed = []
    for name in params.datasets:
        try:
            write(params, name)
        except BenchmarkError as error:
            told = f"dataset {name}"
            failed.append(str(error) if str(error).startswith(told) else f"{told}: {error}")
    if failed:
        more = f" (and {len(failed) - 1} more datasets failed)" if len(failed) > 1 else ""
        raise BenchmarkError(f"{failed[0]}{more}")
    write_json(params.data / "datasets" / PARAMETERS, *selected(params, ("datasets",)).values())


def write(params: Params, name: str) -> None:
    folder = params.dataset_folder(name)
    source: DatasetSource = params.datasets[name]
    source.build(name).write(folder)
