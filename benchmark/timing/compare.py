"""Is this tree slower than another revision? The two run in turns, on one machine, at one time.

    python -m benchmark.timing.compare main           what `make bench-compare BASE=main` calls

BASE is checked out into a temporary worktree. Each tree has a worker process (`worker.py`), idle while the other
measures; a round asks both for one sample of the processor's time, in random order, and gives one ratio. Processes are
started afresh a few times, for where a process's memory lies alone makes it faster or slower. A workload is a
regression when its median ratio is above the threshold of params.yaml and the ratio's interval lies above 1.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from tqdm import tqdm

from benchmark.errors import BenchmarkError
from benchmark.params import load_params
from benchmark.timing import worker
from benchmark.timing.interleave import Ratio, summarise

ROOT = Path(__file__).resolve().parents[2]
RESTARTS = 5


@click.command()
@click.argument("base")
@click.option("--threshold", type=click.FloatRange(min=1), help="Instead of timing.threshold of params.yaml.")
@click.option("--rounds", type=click.IntRange(min=1), help="Instead of timing.rounds of params.yaml.")
def main(base: str, threshold: float | None, rounds: int | None) -> None:
    """Compare this tree with revision BASE; exit with 1 when a workload became slower."""
    try:
        timing = load_params(ROOT / "params.yaml").timing
        threshold, rounds = threshold or timing.threshold, rounds or timing.rounds
        with worktree(base) as tree:
            results = compare(ROOT, tree, rounds)
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None
    slower = [name for name, ratio in results.items() if isinstance(ratio, Ratio) and regression(ratio, threshold)]
    click.echo(
        f"{'workload':<14}{'ratio':>7}  {'95 % interval':<17}{'now':>12}{'base':>12}   (threshold {threshold:g})"
    )
    for name, ratio in results.items():
        if isinstance(ratio, str):
            click.echo(f"{name:<14} not compared: {ratio}")
            continue
        times = f"{ratio.candidate_us / 1000:>9.2f} ms{ratio.baseline_us / 1000:>9.2f} ms"
        mark = "   SLOWER" if name in slower else ""
        click.echo(f"{name:<14}{ratio.median:>7.3f}  {f'{ratio.low:.3f} to {ratio.high:.3f}':<17}{times}{mark}")
    if slower:
        raise SystemExit(f"slower than {base}: {', '.join(slower)}")


def regression(ratio: Ratio, threshold: float) -> bool:
    """Slower by more than the threshold, and surely slower."""
    return ratio.median > threshold and ratio.low > 1


@contextmanager
def worktree(revision: str) -> Iterator[Path]:
    """A checkout of `revision` of this repository in a temporary folder, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-compare-") as folder:
        tree = Path(folder) / "base"
        added = subprocess.run(
            ["git", "-C", str(ROOT), "worktree", "add", "--detach", str(tree), revision],
            capture_output=True,
            text=True,
            check=False,
        )
        if added.returncode:
            raise BenchmarkError(
                f"revision {revision!r} cannot be checked out: {added.stderr.strip().splitlines()[-1]}"
            )
        try:
            yield tree
        finally:
            subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(tree)], check=False)


def compare(candidate: Path, base: Path, rounds: int, seed: int = 0) -> dict[str, Ratio | str]:
    """By workload: the time of tree `candidate` over that of `base`, or why the two cannot be compared.

    `rounds` are spread over `RESTARTS` pairs of processes, at least one each; `seed` draws orders and bootstrap.
    """
    generator = np.random.default_rng(seed)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in worker.WORKLOADS}
    errors: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="bench-inputs-") as folder:
        inputs = _inputs(Path(folder))
        for _ in tqdm(range(RESTARTS), desc="pairs of processes", disable=None):
            with ExitStack() as stack:
                pair = [stack.enter_context(_worker(tree, inputs)) for tree in (candidate, base)]
                for name in [name for name in worker.WORKLOADS if name not in errors]:
                    try:
                        seconds[name] += _measure(pair, name, -(-rounds // RESTARTS), generator)
                    except IncomparableError as error:
                        errors[name] = str(error)
    results: dict[str, Ratio | str] = dict(errors)
    for name in [name for name in seconds if name not in errors]:
        now, before = np.array(seconds[name]).T
        results[name] = summarise(now, before, generator)
    return {name: results[name] for name in worker.WORKLOADS}


class IncomparableError(Exception):
    """A worker could not run a workload: the message says whose and why."""


def _measure(
    pair: Sequence[subprocess.Popen[str]], name: str, rounds: int, generator: np.random.Generator
) -> list[tuple[float, float]]:
    """Seconds of the candidate and of the base in each of `rounds`, after one that is not counted."""
    measured = []
    for _ in range(rounds + 1):
        both = [0.0, 0.0]
        for index in generator.permutation(2):
            answer = _ask(pair[index], name)
            if "error" in answer:
                raise IncomparableError(f"{('this tree', 'the base')[index]}: {answer['error']}")
            both[index] = answer["seconds"]
        measured.append((both[0], both[1]))
    return measured[1:]


@contextmanager
def _worker(tree: Path, inputs: Path) -> Iterator[subprocess.Popen[str]]:
    """A worker with the package of `tree`; the code of the workloads is this tree's."""
    with subprocess.Popen(
        [sys.executable, "-P", worker.__file__, str(inputs)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "TRANSFORMERS_VERBOSITY": "error"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _ask(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(f"{name}\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    except BrokenPipeError:
        answer = ""
    if not answer:
        return {"error": f"its process ended with {process.wait()}"}
    return dict(json.loads(answer))


def _inputs(folder: Path) -> Path:
    """A small dataset and the committed model, the same for both trees."""
    from benchmark.tasks.embedded import build_dataset

    dataset = build_dataset("timing", "topic", seed=0, n_queries=16)
    dataset = dataclasses.replace(dataset, pool=dataset.pool[: worker.POOL], queries=dataset.queries[: worker.QUERIES])
    dataset.write(folder / "dataset")
    (folder / "model").symlink_to(ROOT / "data/models" / worker.MODEL, target_is_directory=True)
    return folder


if __name__ == "__main__":
    main()
