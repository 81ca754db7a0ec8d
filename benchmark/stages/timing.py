"""timing: the hot path on this machine, as ratios over its limit and over the naive ways; and their history."""

from __future__ import annotations

from datetime import UTC, datetime

from benchmark.params import Params
from benchmark.stages.stage import Out, stage


@stage(
    parameters=("timing", "extraction.kernel", "device", "dtype", "threads"),
    outs=(Out("{results}/timing.json", kept=True), Out("{results}/timing_history.csv", kept=True)),
)
def run(params: Params) -> None:
    """Time the hot path as ratios over a bare forward pass."""
    import torch

    from benchmark.models.loading import DTYPES, resolve_device
    from benchmark.provenance import revision
    from benchmark.storage import write_json, write_table
    from benchmark.timing.history import commit, extend, read_history
    from benchmark.timing.stage import measure
    from benchmark.timing.workload import SMALL, STANDARD

    path = params.results / "timing_history.csv"
    history = read_history(path)  # before anything is measured: a damaged one costs no time
    if params.threads is not None:
        torch.set_num_threads(params.threads)
    device = resolve_device(params.device)
    on_gpu = device.type == "cuda"
    content = measure(
        params.timing.rounds,
        shape=STANDARD if on_gpu else SMALL,
        dtype=DTYPES.get(params.dtype, torch.bfloat16 if on_gpu else torch.float32),
        kernel=params.extraction.kernel,
        device=device,
    )
    write_json(params.results / "timing.json", content)
    write_table(path, extend(history, content, commit(revision()), datetime.now(UTC).date().isoformat()))
