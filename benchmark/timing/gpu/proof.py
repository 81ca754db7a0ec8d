"""From nothing to the table: which checks and figures there are, in which order, and where they are written."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from benchmark.errors import BenchmarkError
from benchmark.models.loading import LoadedModel, be_deterministic
from benchmark.storage import write_json
from benchmark.timing.gpu import checks, figures, subject
from benchmark.timing.gpu.checks import Check
from benchmark.timing.gpu.figures import LARGE, LITTLE, Figure, Load
from benchmark.timing.gpu.packages import versions

WIDTHS = {"true": (64, 577, 2048, 3072), "small": (5, 64)}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--small", is_flag=True, help="Little models and loads: proves the proof, on a CPU too; writes nothing.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("results/gpu"), show_default=True)
def main(small: bool, output: Path) -> None:
    """Check and time the hot path on this machine's GPU, in under six minutes."""
    if not small and not torch.cuda.is_available():
        raise click.ClickException("torch finds no CUDA device here: run on a machine with one, or pass --small")
    try:
        record = prove(small)
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from error
    if not small:
        path = output / f"{_file_name(record['card'])}.json"
        write_json(path, record)
        click.echo(f"written: {path}")
    if not all(check["passed"] for check in record["checks"]):
        raise click.ClickException("a check failed: do not trust results of this machine before it passes")


def prove(small: bool) -> dict[str, Any]:
    """Everything, in order; prints as it goes and a short table last. Returns what CARD.json holds."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    be_deterministic()
    began = time.perf_counter()
    subjects, load = (subject.SMALL, LITTLE) if small else (subject.TRUE, LARGE)
    generator = np.random.default_rng(0)
    widths = WIDTHS["small" if small else "true"]
    found = [_say(check, began) for check in checks.kernels(device, "auto", widths, generator)]
    measured: list[Figure] = []
    machine: dict[str, Any] = {}
    rate, bandwidth = figures.rates(device, torch.bfloat16, load)
    for name, each in subjects.items():
        exact = each.load(name, device, torch.float32)
        found += [_say(check, began) for check in _checks(exact, generator)]
        del exact
        _empty(device)
        loaded = each.load(name, device, torch.bfloat16)
        measured.append(figures.kernel(device, "auto", each.sizes["hidden_size"], bandwidth, load))
        measured += _figures(loaded, load, rate, generator)
        plan = asdict(figures.measured_machine(loaded))
        machine[name] = plan
        if device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(device)
            torch.cuda.reset_peak_memory_stats(device)
            weights = sum(p.numel() * p.element_size() for p in loaded.model.parameters())
            measured.append(Figure(f"{name}: peak memory, over weights", peak / weights, "times"))
        del loaded
        _empty(device)
        click.echo(f"{time.perf_counter() - began:6.1f} s  {name} measured")
    record = {
        "card": torch.cuda.get_device_name(device) if device.type == "cuda" else "none",
        "memory_bytes": torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None,
        "python": platform.python_version(),
        "cuda": torch.version.cuda,
        "packages": versions(),
        "matrix_rate_bfloat16": float(f"{rate:.4g}"),
        "copy_bandwidth": float(f"{bandwidth:.4g}"),
        "seconds": round(time.perf_counter() - began, 1),
        "checks": [{**asdict(check), "passed": check.passed} for check in found],
        "figures": [figure.record() for figure in measured],
        "plan": machine,
    }
    click.echo(table(record))
    return record


def _checks(loaded: LoadedModel, generator: np.random.Generator) -> Iterator[Check]:
    yield from checks.extraction(loaded, subject.text(5, 1, 18, generator, ragged=True))
    yield from checks.scoring(loaded, subject.text(3, 4, 12, generator, ragged=True))


def _figures(loaded: LoadedModel, load: Load, rate: float, generator: np.random.Generator) -> list[Figure]:
    machine = figures.measured_machine(loaded)
    long = subject.text(load.candidates, 1, load.tokens - 2, generator, ragged=False)
    asked = subject.text(load.candidates // 2, load.queries, load.query_tokens, generator, ragged=False)
    return [
        *figures.extraction(loaded, long, load, machine),
        *figures.scoring(loaded, asked, load, rate, machine),
    ]


def table(record: dict[str, Any]) -> str:
    """The short table: every figure with its aim, and how many checks passed."""
    passed = sum(check["passed"] for check in record["checks"])
    lines = [
        f"{record['card']}, {record['seconds']} s: {passed} of {len(record['checks'])} checks passed",
        f"a large bfloat16 product: {record['matrix_rate_bfloat16'] / 1e12:,.1f} TFLOP/s; a copy: "
        f"{record['copy_bandwidth'] / 1e12:.2f} TB/s",
    ]
    marks = {True: "met", False: "MISSED", None: ""}
    for figure in record["figures"]:
        aim = [f"{word} {figure[key]}" for key, word in (("at_most", "<="), ("at_least", ">=")) if figure[key]]
        value = f"{figure['value']:,.0f}" if figure["value"] >= 1000 else f"{figure['value']:.3f}"
        lines.append(f"{figure['name']:<62}{value:>14} {figure['unit']:<9}{' '.join(aim):<8}{marks[figure['met']]}")
    return "\n".join(line.rstrip() for line in lines)


def _say(check: Check, began: float) -> Check:
    state = "ok    " if check.passed else "FAILED"
    click.echo(f"{time.perf_counter() - began:6.1f} s  {state} {check.name}: {check.error:.2g} (<= {check.limit:g})")
    return check


def _empty(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _file_name(card: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", card.lower()).strip("_")
