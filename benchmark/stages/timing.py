"""timing: the hot path on this machine, as ratios over a bare forward pass."""

from __future__ import annotations

from benchmark.params import Params
from benchmark.storage import write_json


def run(params: Params) -> None:
    import torch

    from benchmark.timing.stage import measure

    if params.threads is not None:
        torch.set_num_threads(params.threads)
    write_json(params.results / "timing.json", measure(params.timing.rounds, kernel=params.extraction.kernel))
