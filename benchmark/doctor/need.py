"""GPU memory, main memory and free disk against what the plan says will be needed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import torch
from huggingface_hub import constants

from benchmark.doctor.finding import Finding, fix, note, ok
from benchmark.doctor.profile import nearest
from benchmark.errors import BenchmarkError
from benchmark.params import Params
from benchmark.planning.machines import GPUS, present_gpu
from benchmark.planning.plan import DEFAULT_GPU, Plan, plan_for
from benchmark.planning.stages import Cost

LONG = 24.0
"""Hours on a CPU from which a run is not started unless `device: cpu` asks for it."""
COPIES = 3
"""Of a stage's out: itself, its shards while it runs, and DVC's cache."""
CPU_RATE = 200e9
"""FLOP/s that a CPU of some ten cores reaches in float32 [ours]; `plan --calibrate` measures this one."""


def check_need(params: Params) -> Iterator[Finding]:
    """Memory and disk; on a machine without a GPU, how long it would take there."""
    from benchmark.models.loading import resolve_device

    device = resolve_device(params.device if torch.cuda.is_available() else "cpu")
    dtype = params.dtype if params.dtype != "auto" else ("bfloat16" if device.type == "cuda" else "float32")
    machine = present_gpu() or GPUS[DEFAULT_GPU]
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    try:
        whole = plan_for(params, replace(machine, memory=free), dtype)
    except BenchmarkError as error:
        yield note("need", f"disk, memory and time were not compared: {error}")
        return
    yield from _disks(params, whole)
    if device.type == "cuda":
        yield from _memory(params, whole, free, "gpu memory", "GPU memory")
    else:
        yield from _memory(params, whole, free, "memory", "main memory")
        yield from _time(params, whole)


def _memory(params: Params, whole: Plan, free: int, subject: str, what: str) -> Iterator[Finding]:
    """Whether the largest model, and with it every batch that is planned, fits."""
    room = f"{free / 1e9:.1f} GB of {what} are free"
    large = max(whole.costs, key=lambda cost: cost.peak)
    halved = [cost for cost in whole.costs if cost.budget < cost.given]
    if not large.fits(free):
        yield fix(
            subject,
            f"{room}, {large.model} takes {large.peak / 1e9:.1f} GB as {whole.dtype} with batches of {large.budget:,} "
            f"tokens: end other programs, or use a larger machine",
        )
    elif not halved:
        yield ok(subject, f"{room}, up to {whole.peak / 1e9:.1f} GB are needed")
    elif subject == "gpu memory":
        yield note(subject, f"{room}: batches of {len(halved)} of {len(whole.costs)} stages will be halved to fit")
    else:  # a CPU's memory does not run out with an error: the system ends the process
        least = {_section(cost): cost.budget for cost in sorted(halved, key=lambda cost: -cost.budget)}
        remedy = " and ".join(f"{section}.token_budget to {tokens}" for section, tokens in least.items())
        yield fix(subject, f"{room}, the batches of {len(halved)} of {len(whole.costs)} stages need more: set {remedy}")


def _section(cost: Cost) -> str:
    return "extraction" if cost.stage == "extract" else "quality"


def _time(params: Params, whole: Plan) -> Iterator[Finding]:
    flops = sum(cost.flops for cost in whole.costs)
    hours = flops / CPU_RATE / 3600
    if hours > LONG:
        report = note if params.device == "cpu" else fix
        meant = "" if params.device == "cpu" else ", or set device to cpu if that is meant"
        yield report(
            "time",
            f"{flops / 1e15:,.0f} PFLOP take about {hours / 24:,.0f} days on a CPU (at {CPU_RATE / 1e9:.0f} GFLOP/s): "
            f"use a machine with a GPU (`plan` says how many hours), fewer examples or datasets{meant}",
        )


def _disks(params: Params, whole: Plan) -> Iterator[Finding]:
    """What is fetched and what is written against the free space; together where they share a file system."""
    hub, data = nearest(Path(constants.HF_HUB_CACHE)), nearest(params.data)
    results = COPIES * whole.written
    if hub.stat().st_dev == data.stat().st_dev:
        yield _disk(data, whole.download + results, "weights and results", f"HF_HOME or paths in {params.paths.params}")
        return
    yield _disk(hub, whole.download, "weights to download", "HF_HOME")
    yield _disk(data, results, "results of the stages", f"paths in {params.paths.params}")


def _disk(path: Path, needed: int, what: str, setting: str) -> Finding:
    free = shutil.disk_usage(path).free
    room = f"{free / 1e9:.1f} GB free, {needed / 1e9:.2f} GB needed for {what}"
    if free < needed:
        return fix(f"disk of {path}", f"{room}: make room, or set {setting} to another disk")
    return ok(f"disk of {path}", room)
