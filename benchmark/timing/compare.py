"""Is this tree slower than another revision? The two run in turns, on one machine, at one time.

    python -m benchmark.timing.compare main                      what `make bench-compare BASE=main` calls
    python -m benchmark.timing.compare HEAD --self-check 10      can the gate be trusted on this machine?
    python -m benchmark.timing.compare 6d392af --inputs smollm2 --workload extraction --limits
                                                                 a real model: old, new and bare passes, in one run

BASE is checked out into a temporary worktree. Each tree has a worker process (`worker.py`), idle while the other
measures; a round asks both for one sample of the processor's time, in random order, and gives one ratio. Processes are
started afresh a few times, for where a process's memory lies alone makes it faster or slower. A workload is a
regression when its median ratio is above the threshold of params.yaml and the ratio's interval lies above 1. One whose
interval lies above 1 while its median does not reach the threshold is marked, and passes.

With `--limits`, the rounds have a third, this tree's bare passes, or the passes over what scoring must compute. Where a
workload returns what it computed, the largest difference between the two trees is printed, relative to values above 1.

The self-check compares BASE with itself, which must stay quiet, and with itself made slower, which must not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmark.errors import BenchmarkError
from benchmark.params import load_params
from benchmark.timing import worker
from benchmark.timing.inputs import INPUTS, make
from benchmark.timing.interleave import Ratio, summarise

Results = Mapping[str, Ratio | str]
"""By workload, the ratio of now to before, or why there is none."""


@dataclass(frozen=True)
class Comparison:
    """`results`; `over_limit`: now over the workload's limit; `differences` between what the two trees computed."""

    results: Results
    over_limit: Mapping[str, Ratio] = field(default_factory=dict)
    differences: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What is compared, in `restarts` pairs of processes, each for `rounds`."""

    workloads: Sequence[str] = tuple(work.__name__ for work in worker.GATE)
    restarts: int = 5
    rounds: int = 15
    limits: bool = False


ROOT = Path(__file__).resolve().parents[2]
PLANTED = 0.2
"""The share of its time by which the self-check slows every workload."""
SIDES = ("this tree", "the base")


@click.command()
@click.argument("base")
@click.option("--threshold", type=click.FloatRange(min=1), help="Instead of timing.threshold of params.yaml.")
@click.option("--inputs", "on", type=click.Choice([*INPUTS]), default="embedded", show_default=True)
@click.option(
    "--workload", "named", multiple=True, type=click.Choice([*worker.WORKLOADS]), help="As often as you like."
)
@click.option("--limits", is_flag=True, help="Over bare passes, too.")
@click.option("--restarts", type=click.IntRange(min=1), default=Plan.restarts, show_default=True)
@click.option(
    "--rounds", type=click.IntRange(min=1), default=Plan.rounds, show_default=True, help="Of each pair of processes."
)
@click.option(
    "--self-check", type=click.IntRange(min=1), metavar="N", help="N comparisons of BASE with itself, and a slowed one."
)
def main(
    base: str,
    threshold: float | None,
    on: str,
    named: tuple[str, ...],
    limits: bool,
    restarts: int,
    rounds: int,
    self_check: int | None,
) -> None:
    """Compare this tree with revision BASE; exit with 1 when a workload became slower.

    With --self-check, BASE is compared with itself, and with itself made slower by a fifth; exit with 1 unless all is
    quiet but that.
    """
    try:
        threshold = threshold or load_params(ROOT / "params.yaml").timing.threshold
        plan = Plan(named or Plan.workloads, restarts, rounds, limits)
        with worktree(base) as tree, inputs(on) as folder:
            if self_check:
                failures = check_itself(tree, folder, self_check, threshold, plan)
            else:
                failures = report(compare(ROOT, tree, folder, plan), threshold)
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None
    if failures:
        what = "the gate cannot be trusted here" if self_check else f"slower than {base}"
        raise SystemExit(f"{what}: {', '.join(failures)}")


def report(found: Comparison, threshold: float) -> list[str]:
    """Prints a comparison; the workloads that became slower."""
    slower = regressions(found.results, threshold)
    click.echo(
        f"{'workload':<14}{'ratio':>7}  {'95 % interval':<17}{'now':>12}{'base':>12}   (threshold {threshold:g})"
    )
    for name, ratio in found.results.items():
        if isinstance(ratio, str):
            click.echo(f"{name:<14} not compared: {ratio}")
            continue
        times = f"{ratio.candidate_us / 1000:>9.2f} ms{ratio.baseline_us / 1000:>9.2f} ms"
        mark = "   SLOWER" if name in slower else "   slower, under the threshold" if ratio.low > 1 else ""
        click.echo(f"{name:<14}{ratio.median:>7.3f}  {f'{ratio.low:.3f} to {ratio.high:.3f}':<17}{times}{mark}")
        if limit := found.over_limit.get(name):
            click.echo(f"  over {worker.LIMITS[name]:<10}{limit.median:>6.3f}  {limit.low:.3f} to {limit.high:.3f}")
        if name in found.differences:
            click.echo(f"  differs by   {found.differences[name]:.0e} at most")
    return slower


def check_itself(tree: Path, folder: Path, times: int, threshold: float, plan: Plan) -> list[str]:
    """Prints `times` comparisons of `tree` with itself and one with a slowdown planted; what came out wrong."""
    click.echo(f"{'comparison':<12}" + "".join(f"{name:<24}" for name in plan.workloads) + "said")
    failures = []
    for seed in range(times + 1):
        planted = seed == times
        results = compare(tree, tree, folder, plan, seed=seed, slower=PLANTED if planted else 0.0).results
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


def compare(candidate: Path, base: Path, folder: Path, plan: Plan, seed: int = 0, slower: float = 0.0) -> Comparison:
    """The time of tree `candidate` over that of `base`, by workload, or why the two cannot be compared.

    `folder` holds the `inputs`. `seed` draws orders and bootstrap; `slower` is the share of time that the candidate
    wastes.
    """
    generator = np.random.default_rng(seed)
    seconds: dict[str, list[list[float]]] = {name: [] for name in plan.workloads}
    errors: dict[str, str] = {}
    differences: dict[str, float] = {}
    for _ in tqdm(range(plan.restarts), desc="pairs of processes", disable=None, leave=False):
        with ExitStack() as stack:
            pair = [stack.enter_context(_worker(tree, folder, wait)) for tree, wait in ((candidate, slower), (base, 0))]
            for name in (name for name in plan.workloads if name not in errors):
                answers = _prepare(pair, name)
                told = [
                    f"{who}: {answer['error']}" for who, answer in zip(SIDES, answers, strict=True) if "error" in answer
                ]
                if told:
                    errors[name] = told[0]
                elif all("result" in answer for answer in answers):
                    differences[name] = _difference(*(np.load(answer["result"]) for answer in answers))
            for name in (name for name in plan.workloads if name not in errors):
                limit = worker.LIMITS.get(name) if plan.limits else None
                if limit:
                    _prepare(pair[:1], limit)
                seconds[name] += _measure(pair, name, limit, plan.rounds, generator)
    results: dict[str, Ratio | str] = {}
    over_limit = {}
    for name in plan.workloads:
        if name in errors:
            results[name] = errors[name]
            continue
        now, before, *limits = np.array(seconds[name]).T
        results[name] = summarise(now, before, generator)
        if limits:
            over_limit[name] = summarise(now, limits[0], generator)
    return Comparison(results, over_limit, differences)


def _difference(now: NDArray[Any], before: NDArray[Any]) -> float:
    """The largest, relative to values above 1; NaN and NaN are equal. Infinite where the shapes differ."""
    if now.shape != before.shape:
        return np.inf
    both = np.isnan(now) & np.isnan(before)
    return float(np.where(both, 0.0, np.abs(now - before) / np.maximum(1, np.abs(before))).max())


def _prepare(processes: Sequence[subprocess.Popen[str]], name: str) -> list[dict[str, Any]]:
    """All run a workload for a first time, side by side, since imports take seconds."""
    for process in processes:
        _say(process, name)
    return [_hear(process) for process in processes]


def _measure(
    pair: Sequence[subprocess.Popen[str]], name: str, limit: str | None, rounds: int, generator: np.random.Generator
) -> list[list[float]]:
    """Seconds of the candidate, the base and the limit in each of `rounds`, one idle while the other works."""
    asked = [(0, name), (1, name), *([(0, limit)] if limit else [])]
    measured = []
    for _ in range(rounds):
        row = [0.0] * len(asked)
        for place in generator.permutation(len(asked)):
            index, what = asked[place]
            _say(pair[index], what)
            answer = _hear(pair[index])
            if "error" in answer:
                raise BenchmarkError(f"{SIDES[index]} ran {what} once and then failed: {answer['error']}")
            row[place] = answer["seconds"]
        measured.append(row)
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
def inputs(name: str = "embedded") -> Iterator[Path]:
    """A folder with the inputs of that name, the same for both trees."""
    with tempfile.TemporaryDirectory(prefix="bench-inputs-") as folder:
        make(name, Path(folder))
        yield Path(folder)


if __name__ == "__main__":
    main()
