"""What `make bench-compare` times: the loops in which the time goes, on inputs made from a seed.

    python -P benchmark/timing/worker.py INPUTS [SLOWER]     reads names of workloads, answers with processor seconds

With SLOWER, 0.2 for a fifth, every call keeps the processor busy for so much longer: a slowdown that must be found.

A worker runs this file with another tree's `benchmark` package, so it uses nothing but what that package has long had;
a workload that cannot be set up there is answered with the reason and is not compared.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Work = Callable[[], object]
MODEL = "tiny_llama"
POOL, SCORED, QUERIES = 24, 4, 12
SECONDS = 0.05
"""A sample lasts at least so long: above the clock's and the scheduler's grain."""


def statistics(_: Path) -> Work:
    """Every statistic of 512 rows of hidden size 512, by the kernel that extraction would choose."""
    import torch

    from benchmark.activations.kernels import choose_kernel

    kernel: Any = choose_kernel("auto", torch.device("cpu"))
    rows = torch.randn(512, 512, generator=torch.Generator().manual_seed(0))
    try:
        from benchmark.activations.sequences import Sequences
    except ImportError:  # a tree from before statistics of a whole sequence
        from benchmark.activations.statistics import Thresholds as Limits  # type: ignore[attr-defined]

        return lambda: kernel(rows, Limits(), frozenset({"moments", "massive"}))
    from benchmark.activations.group import Thresholds
    from benchmark.activations.statistics import STATISTICS

    sequences = Sequences(tuple(range(0, 513, 64)))
    return lambda: kernel(rows, sequences, Thresholds(), tuple(STATISTICS))


def extraction(inputs: Path) -> Work:
    """All masks and statistics of a small pool under the committed Llama model."""
    from benchmark.activations.extraction import extract

    loaded, dataset = _loaded(inputs), _dataset(inputs)
    return lambda: extract(loaded, dataset.pool)


def scoring(inputs: Path) -> Work:
    """The first candidates by every query under the committed Llama model."""
    from benchmark.quality.quality import measure_quality

    loaded, dataset = _loaded(inputs), _dataset(inputs)
    return lambda: measure_quality(loaded, dataset, range(SCORED))


def sets(inputs: Path) -> Work:
    """Sets of four demonstrations that differ in the last, as selectors choose them, by every query."""
    from benchmark.quality.quality import score_sets

    loaded, dataset = _loaded(inputs), _dataset(inputs)
    members = [[0, 1, 2, last] for last in range(3, 3 + SCORED)]
    return lambda: score_sets(loaded, dataset, members, range(QUERIES))


def correlation(_: Path) -> Work:
    """Spearman's rho of 200 scores with one target over 1,000 candidates."""
    import numpy as np

    from benchmark.analysis.ranking import spearman

    generator = np.random.default_rng(0)
    scores, target = generator.standard_normal((200, 1000)), generator.standard_normal((1, 1000))
    return lambda: spearman(scores, target)


WORKLOADS: dict[str, Callable[[Path], Work]] = {
    work.__name__: work for work in (statistics, extraction, scoring, sets, correlation)
}


def _loaded(inputs: Path) -> Any:
    from benchmark.models.loading import load_model

    return load_model(inputs / "model", "cpu", "float32")


def _dataset(inputs: Path) -> Any:
    from benchmark.tasks.dataset import Dataset

    return Dataset.read(inputs / "dataset")


def serve(inputs: Path, slower: float = 0.0) -> None:
    """Answers every name on stdin with one JSON line: `seconds` of a call, or `error`."""
    import torch

    torch.set_num_threads(1)
    ready: dict[str, tuple[Work, int]] = {}
    for line in sys.stdin:
        name = line.strip()
        try:
            if name not in ready:
                work = WORKLOADS[name](inputs)
                ready[name] = _prepare(_slowed(work, slower) if slower else work)
            work, repeats = ready[name]
            print(json.dumps({"seconds": _seconds(work, repeats)}), flush=True)
        except Exception as error:  # the other tree may have no such function
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)


def _slowed(work: Work, slower: float) -> Work:
    """`work`, and after each call a wait of that share of its time on the processor."""

    def run() -> None:
        start = time.process_time()
        work()
        end = time.process_time() + slower * (time.process_time() - start)
        while time.process_time() < end:
            pass

    return run


def _prepare(work: Work) -> tuple[Work, int]:
    work()
    return work, max(1, math.ceil(SECONDS / max(_seconds(work, 1), 1e-6)))


def _seconds(work: Work, repeats: int) -> float:
    """Processor time of this process per call: what other processes do hardly changes it."""
    start = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - start) / repeats


if __name__ == "__main__":
    serve(Path(sys.argv[1]), *map(float, sys.argv[2:]))
