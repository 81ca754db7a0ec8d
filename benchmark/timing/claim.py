"""How long the claim takes, and how much memory: each figure comes from a process of its own, imports included.

python -m benchmark.timing.claim           a table: the embedded profile's verdicts, and a large permutation null
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from benchmark.errors import BenchmarkError
from benchmark.timing.status import status

ROOT = Path(__file__).resolve().parents[2]
CELLS, N, PERMUTATIONS, TARGETS = 10_000, 1_000, 1_000, 5


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds from the start of Python, and the peak of all processes in bytes, as if they shared no memory."""

    seconds: float
    peak: int


@dataclass(frozen=True, slots=True)
class Task:
    """What is measured, and what it may take."""

    text: str
    run: Callable[[], object]
    aim: Usage


def verdicts() -> object:
    """Both claims of all families and every table, of the committed cells; nothing is written."""
    from benchmark.analysis.claim import compute
    from benchmark.params import load_params
    from benchmark.stages.inputs import claim_inputs

    return compute(claim_inputs(load_params(Path("params.yaml"))))


def null() -> object:
    """The joint null of one large pool, permuted within targets."""
    from benchmark.analysis.ranking import rank
    from benchmark.analysis.resampling import Resampled, permutation_null
    from benchmark.analysis.strata import by_target

    rng = np.random.default_rng(0)
    scores, outcome = rng.standard_normal((CELLS, N)).astype(np.float32), rng.standard_normal((1, N))
    ranking = rank(scores, outcome, by_target(np.arange(N) % TARGETS))
    every = {"all": [np.ones(ranking.rho.shape, dtype=bool)]}
    pool = Resampled("pool", ranking.strata, ranking.x, ranking.y)
    return permutation_null([pool], every, PERMUTATIONS, rng)["all"]


TASKS = {
    "claim": Task("both verdicts of the embedded profile", verdicts, Usage(10, int(1.5e9))),
    "null": Task(
        f"null of {CELLS:,} cells, n = {N:,}, {PERMUTATIONS:,} permutations within {TARGETS} targets",
        null,
        Usage(90, int(2e9)),
    ),
}


def measure(task: str) -> Usage:
    """Measures one of `TASKS` in a new process, from the repository's root."""
    command = [sys.executable, "-m", "benchmark.timing.claim", "--one", task]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise BenchmarkError(f"{task} was not measured: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    return Usage(**json.loads(done.stdout))


@click.command()
@click.option("--one", type=click.Choice([*TASKS]), hidden=True)
def main(one: str | None) -> None:
    """Print what the verdicts and a large permutation null take: seconds and peak memory."""
    if one:
        import psutil

        from benchmark.analysis.parameters import CLAIMS

        TASKS[one].run()
        seconds = time.time() - psutil.Process().create_time()
        largest_fork = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        click.echo(json.dumps(asdict(Usage(seconds, status("VmHWM") + len(CLAIMS) * largest_fork))))
        return
    try:
        for name, task in TASKS.items():
            found = measure(name)
            click.echo(
                f"{task.text}: {found.seconds:.1f} s, {found.peak / 1e9:.2f} GB "
                f"(aim: {task.aim.seconds:g} s, {task.aim.peak / 1e9:g} GB)"
            )
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
