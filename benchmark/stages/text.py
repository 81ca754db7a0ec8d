"""text: what is left of every dataset beside its candidates and queries, for dictionaries to be trained on."""

from __future__ import annotations

from itertools import islice

from benchmark.artefacts.texts import write_texts
from benchmark.params import Params
from benchmark.sources.datasets import DatasetSource
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset


@stage(
    parameters=("sae.texts",),
    inherited=("datasets",),
    inputs=("{data}/datasets",),
    outs=(Out("{data}/text"),),
)
def run(params: Params) -> None:
    """Write text of every dataset that is neither a candidate nor a query: what dictionaries are trained on."""
    for name in params.datasets:
        source: DatasetSource = params.datasets[name]
        left = source.leftover(Dataset.read(params.dataset_folder(name)))
        write_texts(params.data / "text" / f"{name}.jsonl", islice(left, params.sae.texts))
