"""Peak memory of extraction: it grows neither with the pool nor with the layers; that of keeping the outputs does."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from benchmark.activations.masks import MASKS
from benchmark.activations.statistics import STATISTICS
from benchmark.errors import BenchmarkError
from benchmark.timing import memory, status
from benchmark.timing.memory import CANDIDATES, LAYERS, MANY_CANDIDATES, MANY_LAYERS, Usage, usage

MIB = 2**20


def keep(benchmark: Any, *found: Usage) -> None:
    for use in found:
        benchmark.extra_info[f"{use.way}, {use.layers} layers, {use.candidates} candidates, MiB"] = use.peak / MIB
        benchmark.extra_info[f"outputs, {use.layers} layers, {use.candidates} candidates, MiB"] = use.outputs / MIB


@pytest.mark.slow
@pytest.mark.bench
def test_memory_grows_with_neither_the_pool_nor_the_layers(benchmark: Any) -> None:
    few = benchmark.pedantic(usage, args=(LAYERS, CANDIDATES), rounds=1)
    pool, layers = usage(LAYERS, MANY_CANDIDATES), usage(MANY_LAYERS, CANDIDATES)
    keep(benchmark, few, pool, layers)
    for more in (pool, layers):
        result = 2 * (more.scores - few.scores)  # the scores themselves, and a copy
        assert more.peak - few.peak < result + 0.15 * (more.outputs - few.outputs)


@pytest.mark.slow
@pytest.mark.bench
def test_the_measurement_sees_outputs_that_are_kept(benchmark: Any) -> None:
    few = benchmark.pedantic(usage, args=(LAYERS, CANDIDATES, "stored"), rounds=1)
    layers = usage(MANY_LAYERS, CANDIDATES, "stored")
    keep(benchmark, few, layers)
    assert layers.peak - few.peak > 0.75 * (layers.outputs - few.outputs)


@pytest.mark.slow
@pytest.mark.bench
def test_scoring_takes_little_more_than_the_weights(benchmark: Any) -> None:
    """Of the larger model of the pretrained profile; after `make pretrained`."""
    folder = memory.ROOT / "pretrained"
    if not all((folder / "data" / name).is_dir() for name in ("models/qwen25", "datasets/movies")):
        pytest.skip("the pretrained profile has no models here: run make pretrained")
    told = benchmark.pedantic(printed, args=("--quality", "pretrained", "qwen25", "movies"), rounds=1)
    peaks = [float(line.split()[-1]) for line in told[1:]]
    benchmark.extra_info["peak over weights"] = peaks[-1]
    assert 0 < peaks[0] <= peaks[-1] <= 1.25


def printed(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "benchmark.timing.memory", *arguments]
    done = subprocess.run(command, cwd=memory.ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.slow
def test_a_process_of_its_own_answers() -> None:
    found = usage(1, 2)
    assert (found.way, found.layers, found.candidates) == ("ours", 1, 2)
    assert found.scores == 2 * len(MASKS) * len(STATISTICS) * 8  # candidates, masks, statistics of one layer, bytes
    assert 0 < found.peak < 1000 * MIB


@pytest.mark.slow
def test_a_process_that_fails_is_reported_in_one_line() -> None:
    with pytest.raises(BenchmarkError, match="memory could not be measured") as error:
        usage(1, 2, "nonsense")
    assert "\n" not in str(error.value)
    assert "nonsense" in str(error.value)


def test_a_system_without_proc_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "Path", lambda _: memory.ROOT / "no such folder/status")
    with pytest.raises(BenchmarkError, match="Linux only"):
        status.status("VmRSS")
