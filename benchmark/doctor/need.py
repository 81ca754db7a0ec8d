"""GPU memory, main memory and free disk against what the plan says will be needed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
from huggingface_hub import constants

from benchmark.doctor.finding import Finding, fix, note, ok
from benchmark.errors import BenchmarkError
from benchmark.params import Params
from benchmark.planning.costs import DTYPE_BYTES, weights
from benchmark.planning.plan import DEFAULT_GPU, download_bytes, plan, shape_for

LONG = 24.0
"""Hours on a CPU from which a note says so."""
CPU_RATE = 200e9
"""FLOP/s that a CPU of some ten cores reaches in float32 [ours]; `plan --calibrate` measures this one."""


def check_need(params: Params) -> Iterator[Finding]:
    """Memory and disk; on a machine without a GPU, how long it would take there."""
    import torch

    from benchmark.models.loading import resolve_device

    try:
        shapes = {name: shape_for(params, name) for name in params.models}
    except BenchmarkError as error:
        yield note("need", f"disk, memory and time were not compared: {error}")
        return
    yield from _disk(Path(constants.HF_HUB_CACHE), download_bytes(params, shapes), "weights to download", "HF_HOME")
    whole = plan(params, DEFAULT_GPU)
    yield from _disk(params.data, whole.written, "results of the stages", f"paths in {params.paths.params}")

    device = resolve_device(params.device if torch.cuda.is_available() else "cpu")
    dtype = params.dtype if params.dtype != "auto" else ("bfloat16" if device.type == "cuda" else "float32")
    largest = max(weights(shape) for shape in shapes.values()) * DTYPE_BYTES[dtype]
    available = psutil.virtual_memory().available
    if largest > available:
        yield fix(
            "memory",
            f"the largest model takes {largest / 1e9:.1f} GB as {dtype}, and {available / 1e9:.1f} GB of main memory "
            f"are free: end other programs, or use a larger machine",
        )
    else:
        yield ok("memory", f"{available / 1e9:.1f} GB free, the largest model takes {largest / 1e9:.1f} GB")
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        if largest > free:
            yield fix(
                "gpu memory",
                f"{free / 1e9:.1f} of {total / 1e9:.1f} GB are free, the largest model alone takes "
                f"{largest / 1e9:.1f}: end what else runs there, or use a larger GPU",
            )
        elif whole.peak > free:
            yield note(
                "gpu memory",
                f"{free / 1e9:.1f} GB free, up to {whole.peak / 1e9:.1f} GB planned: batches are halved until they fit",
            )
        else:
            yield ok("gpu memory", f"{free / 1e9:.1f} GB free, up to {whole.peak / 1e9:.1f} GB needed")
    elif params.models and any(source.source != "embedded" for source in params.models.values()):
        petaflops = sum(cost.flops for cost in whole.costs) / 1e15
        hours = petaflops * 1e15 / CPU_RATE / 3600
        if hours > LONG:
            yield note(
                "time",
                f"{petaflops:,.0f} PFLOP would take about {hours / 24:,.0f} days on a CPU (at {CPU_RATE / 1e9:.0f} "
                f"GFLOP/s) and about {whole.hours:.0f} hours on one {whole.machine.name}: use a GPU, or see `plan`",
            )


def _disk(path: Path, needed: int, what: str, setting: str) -> Iterator[Finding]:
    nearest = path.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    free = shutil.disk_usage(nearest).free
    told = f"{free / 1e9:.1f} GB free, {needed / 1e9:.2f} GB needed for {what}"
    if free < needed:
        yield fix(f"disk of {path}", f"{told}: make room, or set {setting} to another disk")
    else:
        yield ok(f"disk of {path}", told)
