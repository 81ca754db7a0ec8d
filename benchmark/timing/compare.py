"""Is this tree slower than another revision? The two run in turns, on one machine, at one time.

    python -m benchmark.timing.compare main                      what `make bench-compare BASE=main` calls
    python -m benchmark.timing.compare HEAD --self-check 10      can the gate be trusted on this machine?

BASE is checked out into a temporary worktree. Each tree has a worker process (`worker.py`), idle while the other
measures; a round asks both for one sample of the processor's time, in random order, and gives one ratio. Processes are
started afresh a few times, for where a process's memory lies alone makes it faster or slower. A workload is a
regression when its median ratio is above the threshold of params.yaml and the ratio's interval lies above 1. One whose
interval lies above 1 while its median does not reach the threshold is marked, and passes.

The self-check compares BASE with itself, which must stay quiet, and with itself made slower, which must not.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import numpy as np
from tqdm import tqdm

from benchmark.errors import BenchmarkError
from benchmark.params import load_params
from benchmark.timing import worker
from benchmark.timing.interleave import Ratio, summarise

Results = Mapping[str, Ratio | str]
"""By workload, the ratio of now to before, or why there is none."""
ROOT = Path(__file__).resolve().parents[2]
RESTARTS, ROUNDS = 5, 15
"""Pairs of processes, and what each is measured for: with fewer in all, a slowdown of a fifth was missed."""
PLANTED = 0.2
"""The share of its time by which the self-check slows every workload."""
SIDES = ("this tree", "the base")


@click.command()
@click.argument("base")
@click.option("--threshold", type=click.FloatRange(min=1), help="Instead of timing.threshold of params.yaml.")
@click.option(
    "--rounds", type=click.IntRange(min=1), default=ROUNDS, show_default=True, help="Of each pair of processes."
)
@click.option(
    "--self-check", type=click.IntRange(min=1), metavar="N", help="N comparisons of BASE with itself, and a slowed one."
)
def main(base: str, threshold: float | None, rounds: int, self_check: int | None) -> None:
    """Compare this tree with revision BASE; exit with 1 when a workload became slower.

    With --self-check, BASE is compared with itself, and with itself made slower by a fifth; exit with 1 unless all is
    quiet but that.
    """
    try:
        threshold = threshold or load_params(ROOT / "params.yaml").timing.threshold
        with worktree(base) as tree, inputs() as folder:
            if self_check:
                failures = check_itself(tree, folder, self_check, threshold, rounds)
            else:
                failures = report(compare(ROOT, tree, folder, rounds), threshold)
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None
    if failures:
        what = "the gate cannot be trusted here" if self_check else f"slower than {base}"
        raise SystemExit(f"{what}: {', '.join(failures)}")


def report(results: Results, threshold: float) -> list[str]:
    """Prints a comparison; the workloads that became slower."""
    slower = regressions(results, threshold)
    click.echo(
        f"{'workload':<14}{'ratio':>7}  {'95 % interval':<17}{'now':>12}{'base':>12}   (threshold {threshold:g})"
    )
    for name, ratio in results.items():
        if isinstance(ratio, str):
            click.echo(f"{name:<14} not compared: {ratio}")
            continue
        times = f"{ratio.candidate_us / 1000:>9.2f} ms{ratio.baseline_us / 1000:>9.2f} ms"
        mark = "   SLOWER" if name in slower else "   slower, under the threshold" if ratio.low > 1 else ""
        click.echo(f"{name:<14}{ratio.median:>7.3f}  {f'{ratio.low:.3f} to {ratio.high:.3f}':<17}{times}{mark}")
    return slower


def check_itself(tree: Path, folder: Path, times: int, threshold: float, rounds: int) -> list[str]:
    """Prints `times` comparisons of `tree` with itself and one with a slowdown planted; what came out wrong."""
    click.echo(f"{'comparison':<12}" + "".join(f"{name:<24}" for name in worker.WORKLOADS) + "said")
    failures = []
    for seed in range(times + 1):
        planted = seed == times
        results = compare(tree, tree, folder, rounds, seed=seed, slower=PLANTED if planted else 0.0)
        found = regressions(results, threshold)
        label = f"+{PLANTED:.0%}" if planted else str(seed + 1)
        told = (
            ratio if isinstance(ratio, str) else f"{ratio.median:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"
            for ratio in results.values()
        )
        click.echo(
            f"{label:<12}"
            + "".join(f"{text:<24}" for text in told)
            + (f"slower: {', '.join(found)}" if found else "quiet")
        )
        for name, ratio in results.items():
            if isinstance(ratio, str):
                failures.append(f"{name} of {label} was not compared")
            elif planted != (name in found):
                failures.append(f"{name} of {label} was {'missed' if planted else 'called slower'}")
    return failures


def regressions(results: Results, threshold: float) -> list[str]:
    """The workloads that became slower."""
    return [name for name, ratio in results.items() if isinstance(ratio, Ratio) and regression(ratio, threshold)]


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


def compare(candidate: Path, base: Path, folder: Path, rounds: int, seed: int = 0, slower: float = 0.0) -> Results:
    """By workload: the time of tree `candidate` over that of `base`, or why the two cannot be compared.

    `folder` holds the `inputs`. Each of `RESTARTS` pairs of processes is measured for `rounds`; `seed` draws orders and
    bootstrap; `slower` is the share of time that the candidate wastes.
    """
    generator = np.random.default_rng(seed)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in worker.WORKLOADS}
    errors: dict[str, str] = {}
    for _ in tqdm(range(RESTARTS), desc="pairs of processes", disable=None, leave=False):
        with ExitStack() as stack:
            pair = [stack.enter_context(_worker(tree, folder, wait)) for tree, wait in ((candidate, slower), (base, 0))]
            for name in worker.WORKLOADS:
                if name not in errors and (problem := _prepare(pair, name)):
                    errors[name] = problem
            for name in worker.WORKLOADS:
                if name not in errors:
                    seconds[name] += _measure(pair, name, rounds, generator)
    results: dict[str, Ratio | str] = {}
    for name in worker.WORKLOADS:
        if name in errors:
            results[name] = errors[name]
        else:
            now, before = np.array(seconds[name]).T
            results[name] = summarise(now, before, generator)
    return results


def _prepare(pair: Sequence[subprocess.Popen[str]], name: str) -> str | None:
    """Both run a workload for a first time, side by side, since imports take seconds; what went wrong, and where."""
    for process in pair:
        _say(process, name)
    answers = [_hear(process) for process in pair]
    return next(
        (f"{who}: {answer['error']}" for who, answer in zip(SIDES, answers, strict=True) if "error" in answer), None
    )


def _measure(
    pair: Sequence[subprocess.Popen[str]], name: str, rounds: int, generator: np.random.Generator
) -> list[tuple[float, float]]:
    """Seconds of the candidate and of the base in each of `rounds`, one idle while the other works."""
    measured = []
    for _ in range(rounds):
        both = [0.0, 0.0]
        for index in generator.permutation(2):
            _say(pair[index], name)
            answer = _hear(pair[index])
            if "error" in answer:
                raise BenchmarkError(f"{SIDES[index]} ran {name} once and then failed: {answer['error']}")
            both[index] = answer["seconds"]
        measured.append((both[0], both[1]))
    return measured


@contextmanager
def _worker(tree: Path, folder: Path, slower: float = 0.0) -> Iterator[subprocess.Popen[str]]:
    """A worker with the package of `tree`; the code of the workloads is this tree's."""
    with subprocess.Popen(
        [sys.executable, "-P", worker.__file__, str(folder), str(slower)],
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


def _say(process: subprocess.Popen[str], name: str) -> None:
    assert process.stdin
    with suppress(BrokenPipeError):  # it has ended: `_hear` says so
        process.stdin.write(f"{name}\n")
        process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    answer = process.stdout.readline()
    return dict(json.loads(answer)) if answer else {"error": f"its process ended with {process.wait()}"}


@contextmanager
def inputs() -> Iterator[Path]:
    """A folder with a small dataset and the committed model, the same for both trees."""
    from benchmark.tasks.embedded import build_dataset

    dataset = build_dataset("timing", "topic", seed=0, n_queries=16)
    dataset = dataclasses.replace(dataset, pool=dataset.pool[: worker.POOL], queries=dataset.queries[: worker.QUERIES])
    with tempfile.TemporaryDirectory(prefix="bench-inputs-") as name:
        folder = Path(name)
        dataset.write(folder / "dataset")
        (folder / "model").symlink_to(ROOT / "data/models" / worker.MODEL, target_is_directory=True)
        yield folder


if __name__ == "__main__":
    main()
