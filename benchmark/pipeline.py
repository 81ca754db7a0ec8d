"""Runs the pipeline, and records what it ran on: what `make repro` and `make paper` call.

    python -m benchmark.pipeline [dvc.yaml] [--jobs N]

With one job it is `dvc repro`. With more, stages whose inputs are ready run side by side, a few of them in each
`dvc repro --single-item`; where there are several GPUs, each job sees one. The bytes are the same.
On a CPU the stages are forks of one process that has imported the libraries (`benchmark.forkserver`).
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click
import psutil

from benchmark.errors import BenchmarkError
from benchmark.forkserver import AVAILABLE, PYTHON_M, fork_server
from benchmark.params import Params, load_params
from benchmark.provenance import device
from benchmark.provenance import write as write_provenance
from benchmark.user import name_user

if TYPE_CHECKING:
    from dvc.repo import Repo

WORK = Path(".work")
GRACE = 10.0  # seconds that a stopped job has to end by itself


@click.command()
@click.argument("pipeline", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=Path("dvc.yaml"))
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Cells that run side by side.")
def main(pipeline: Path, jobs: int) -> None:
    """Reproduce PIPELINE and write its provenance."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what runs is stopped, too
    name_user()
    try:
        params_path = pipeline.parent / "params.yaml"
        params = load_params(params_path)
        with exclusive(WORK / "pipeline.lock") as lock:
            forget_dead_jobs(Path(".dvc/tmp/rwlock"))
            with fork_server([lock.fileno()]) if AVAILABLE and not uses_gpu(params) else nullcontext():
                if jobs == 1:
                    serial(pipeline, lock)
                else:
                    parallel(pipeline, jobs, lock)
            tidy_lock(pipeline)
            write_provenance(params, params_path, pipeline)
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None


def uses_gpu(params: Params) -> bool:
    """Whether stages may compute on a GPU: one that was not forbidden, of a machine that has one."""
    return params.device != "cpu" and bool(device()["gpus"])


@contextmanager
def exclusive(path: Path) -> Iterator[IO[str]]:
    """Holds the lock file `path`; raises `BenchmarkError` when another run holds it or the folder cannot be written.

    The system releases the lock when the last process that inherited it has ended, however it ended.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a", encoding="utf-8")
    except OSError as error:
        raise BenchmarkError(
            f"the pipeline writes into {Path.cwd()}, which fails ({error.strerror}): make the folder writable for user "
            f"{os.getuid()}, or work in a copy"
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BenchmarkError("another run of the pipeline is at work in this folder: wait until it ends") from error
        yield handle


def forget_dead_jobs(rwlock: Path) -> None:
    """Removes DVC's list of files in use when all who wrote it are gone: a killed run leaves it behind.

    DVC looks whether the process number still exists; in a container that was started again, it does, as another
    process. One that started after the list was last written cannot be its author.
    """
    try:
        written = rwlock.stat().st_mtime
        content = json.loads(rwlock.read_text(encoding="utf-8"))
    except OSError:
        return
    except ValueError:  # its author was killed while writing
        content = {}
    users = set(_process_ids(content))
    for process in psutil.process_iter(["create_time"]):
        if process.pid in users and process.info["create_time"] <= written:
            return
    rwlock.unlink(missing_ok=True)


def _process_ids(value: object) -> Iterator[int]:
    if isinstance(value, dict):
        if isinstance(value.get("pid"), int):
            yield value["pid"]
        for item in value.values():
            yield from _process_ids(item)
    elif isinstance(value, list):
        for item in value:
            yield from _process_ids(item)


def tidy_lock(pipeline: Path) -> None:
    """Orders the stages in the lock beside `pipeline` by name, and drops those that it has no more.

    DVC itself appends stages as they end, which differs from run to run, and forgets none.
    """
    from dvc.utils.serialize import dump_yaml, load_yaml

    path = pipeline.with_suffix(".lock")
    lock = load_yaml(str(path))
    with _repo(pipeline) as repo:
        names = sorted(stage.name for stage in repo.stage.load_all(str(pipeline)))
    ordered = {name: lock["stages"][name] for name in names if name in lock["stages"]}
    if list(ordered) != list(lock["stages"]):
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            new = Path(folder) / path.name
            dump_yaml(str(new), {**lock, "stages": ordered})
            new.replace(path)


def serial(pipeline: Path, lock: IO[str]) -> None:
    """`dvc repro` over the whole pipeline."""
    with _running([*DVC, "repro", str(pipeline)], lock) as process:
        if process.wait():
            raise BenchmarkError(f"`dvc repro {pipeline}` stopped; what is finished is kept, a new run goes on there")


@dataclass(frozen=True)
class Job:
    """Stages at work in one of the slots, one after the other."""

    stages: list[str]
    process: subprocess.Popen[bytes]
    output: IO[str]
    slot: int
    stack: ExitStack


def parallel(pipeline: Path, jobs: int, lock: IO[str]) -> None:
    """Runs every stage once the stages that it reads from are done, at most `jobs` at a time."""
    waiting = dependencies(pipeline)
    total = len(waiting)
    done: set[str] = set()
    failed: list[str] = []
    slots = list(range(jobs))
    at_work: list[Job] = []
    with ExitStack() as everything:
        while at_work or (waiting and not failed):
            ready = [] if failed else [name for name, needs in waiting.items() if needs <= done]
            while ready and slots:
                # DVC reads the whole pipeline first: half a fair share of the stages is worth that, and leaves a rest
                stages, ready = ready[: (size := -(-len(ready) // (2 * jobs)))], ready[size:]
                for name in stages:
                    del waiting[name]
                at_work.append(_start(pipeline, stages, jobs, slots.pop(0), lock, everything))
            finished = [job for job in at_work if job.process.poll() is not None]
            for job in finished:
                at_work.remove(job)
                slots.append(job.slot)
                names = ", ".join(job.stages)
                if job.process.returncode:
                    job.output.seek(0)
                    failed.append(names)
                    click.echo(f"{names} failed:\n{job.output.read().strip()}", err=True)
                else:
                    done.update(job.stages)
                    click.echo(f"[{len(done)}/{total}] {names}")
                job.stack.close()
            if not finished:
                time.sleep(0.05)
    if failed:
        raise BenchmarkError(f"{', '.join(failed)} failed; what is finished is kept, a new run goes on there")


def _start(pipeline: Path, stages: list[str], jobs: int, slot: int, lock: IO[str], everything: ExitStack) -> Job:
    stack = everything.enter_context(ExitStack())
    output = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace"))  # noqa: SIM115
    targets = [f"{pipeline}:{name}" for name in stages]
    command = [*DVC, "--wait-for-lock", "repro", "--single-item", *targets]
    process = stack.enter_context(_running(command, lock, output, share(slot, jobs)))
    return Job(stages, process, output, slot, stack)


def share(slot: int, jobs: int) -> dict[str, str]:
    """The environment of the job in `slot`: its share of the processor's cores, and one of the GPUs."""
    cores = len(os.sched_getaffinity(0))
    settings = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(max(1, cores // jobs))}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = visible.split(",") if visible else [str(index) for index in range(len(device()["gpus"]))]
    if len(gpus) > 1:
        settings["CUDA_VISIBLE_DEVICES"] = gpus[slot % len(gpus)]
    return settings


def dependencies(pipeline: Path) -> dict[str, set[str]]:
    """By stage of `pipeline` that has to run, the stages among them that it reads from."""
    with _repo(pipeline) as repo:
        changed = repo.status([str(pipeline)])
        graph = repo.index.graph
        stages = [stage for stage in repo.index.stages if Path(stage.path) == pipeline.resolve()]
        stale = [stage for stage in stages if stage.addressing in changed]
        for stage in stale:  # which grows by what reads from it
            stale += (reader for reader in graph.predecessors(stage) if reader not in stale)
        return {
            stage.name: {other.name for other in graph.successors(stage) if other in stale}
            for stage in stages
            if stage in stale
        }


@contextmanager
def _repo(pipeline: Path) -> Iterator[Repo]:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    os.environ.update(surroundings())
    try:
        with Repo(str(pipeline.parent)) as repo:
            yield repo
    except DvcException as error:
        raise BenchmarkError(
            f"DVC cannot read {pipeline}: {error} (a broken lock: `git checkout {pipeline.with_suffix('.lock')}`, or "
            f"remove it; DVC finds what it has in its cache)"
        ) from error


DVC = (*PYTHON_M, "dvc")


def surroundings() -> dict[str, str]:
    """What DVC must find in the environment: this Python under the name `python`, and leave to work without git."""
    settings = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    if not _has_git():
        folder = WORK / "dvc"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config").write_text("[core]\n    no_scm = true\n", encoding="utf-8")
        settings["DVC_SYSTEM_CONFIG_DIR"] = str(folder.resolve())
    return settings


def _has_git() -> bool:
    try:
        return subprocess.run(["git", "rev-parse"], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@contextmanager
def _running(
    command: list[str], lock: IO[str], output: IO[str] | None = None, settings: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own; when the block ends before it does, the whole group is stopped.

    It inherits `lock`: should this process be killed alone, the next run sees that work goes on.
    """
    process = subprocess.Popen(
        command,
        env={**os.environ, **surroundings(), **(settings or {})},
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        pass_fds=(lock.fileno(),),
        process_group=0,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGINT, on which DVC releases its locks; SIGKILL for the group after `GRACE` seconds."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    main()
