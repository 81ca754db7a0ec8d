"""What Ray costs: the quality stage of the embedded profile in actors on this machine, against forks on the same cores.

    python -m benchmark.timing.cluster      needs `make ray`, and the datasets (`make repro`)

Each measurement is a process of its own, the two ways in turns and in random order. The clock starts when every worker
has the model and a task, and stops when the stage has heard of the last: what Ray takes to start is not in it, what its
own processes take meanwhile is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmark import workers
from benchmark.params import load_params
from benchmark.parts import Part, Tasks
from benchmark.stages.quality import Scoring
from benchmark.timing.interleave import summarise

WAYS: dict[str, Callable[..., workers.Ended]] = {"ray": workers.ray, "forks": workers.forks}


@dataclass(frozen=True)
class Together:
    """The job; its workers begin their first tasks at the same time, which `started` tells."""

    job: Tasks
    folder: Path
    workers: int

    def __len__(self) -> int:
        return len(self.job)

    def load(self) -> Any:
        return self.job.load()

    def perform(self, loaded: Any, index: int) -> None:
        mine = self.folder / str(os.getpid())
        if not mine.exists():
            mine.touch()
            while len(list(self.folder.iterdir())) < self.workers:
                time.sleep(0.002)
            mine.write_text(str(time.time()))
        self.job.perform(loaded, index)

    def started(self) -> float:
        return max(float(path.read_text()) for path in self.folder.iterdir())


def measure(way: str, model: str, count: int) -> float:
    """Seconds that `count` workers take for the quality stage of a model."""
    params = load_params(Path("params.yaml"))
    work = Scoring(params, model)
    with tempfile.TemporaryDirectory() as folder:
        start, shelf = Path(folder, "start"), Path(folder, "shelf")
        start.mkdir()
        shards = [(name, shard) for name in params.datasets for shard in work.shards(name, Part(work, name).done)]
        tasks = [(name, shard, shelf / name / f"{shard.name}.npz") for name, shard in shards]
        job = Together(Tasks(work, tasks, {}), start, count)
        for _, failure in WAYS[way](job, count, params.threads or 1, params.device):
            if failure:
                raise failure
            ended = time.time()
        return ended - job.started()


@click.command()
@click.option("--rounds", type=click.IntRange(min=3), default=7, show_default=True)
@click.option("--workers", "count", type=click.IntRange(min=1), default=len(os.sched_getaffinity(0)), show_default=True)
@click.option("--model", default="tiny_llama", show_default=True)
@click.option("--way", type=click.Choice(list(WAYS)), hidden=True)
def main(rounds: int, count: int, model: str, way: str | None) -> None:
    """Print how many times longer the quality stage takes over Ray than over forks, models loaded."""
    if way:
        click.echo(measure(way, model, count))
        return
    generator = np.random.default_rng(0)
    taken: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name in generator.permutation(list(WAYS)):
            command = [
                sys.executable,
                "-m",
                "benchmark.timing.cluster",
                "--way",
                name,
                "--workers",
                str(count),
                "--model",
                model,
            ]
            settings = {**os.environ, "RAY_ADDRESS": "local", "RAY_USAGE_STATS_ENABLED": "0"}
            done = subprocess.run(command, env=settings, check=True, stdout=subprocess.PIPE, text=True)
            taken[name].append(float(done.stdout.splitlines()[-1]))
    ratio = summarise(taken["ray"], taken["forks"], generator)
    click.echo(
        f"Ray over forks, {count} workers, {model}, {rounds} rounds: {ratio.median:.3f} [{ratio.low:.3f}, "
        f"{ratio.high:.3f}]; {ratio.candidate_us / 1e6:.2f} s against {ratio.baseline_us / 1e6:.2f} s"
    )


if __name__ == "__main__":
    main()
