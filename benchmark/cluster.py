"""Spreads a job over the nodes of a Ray cluster: one actor a GPU, or `threads` cores of a node (docs/cluster.md).

An actor loads the model once and is given one task at a time. What it computes it writes into the working folder, which
all nodes share at the same path: no array travels through Ray. The task of an actor that is lost, with its process or
its node, goes to another, and a new actor is asked for.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.provenance import computed_on
from benchmark.workers import Ended, Job, failure_of

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[1]
SETTINGS = (
    "TOKENIZERS_PARALLELISM",
    "TRANSFORMERS_VERBOSITY",
    "HF_HUB_DISABLE_XET",
    "HF_HUB_DISABLE_TELEMETRY",
    "JAX_PLATFORMS",
)
"""What the command line sets for the libraries. Where caches lie is each node's own affair."""
ATTEMPTS = 4
"""Actors that one task may lose before it, rather than a node, is taken for the cause."""
PATIENCE = 60.0
"""Seconds without an actor at work after which a line says so."""


def actors(job: Job, workers: int, threads: int, device: str) -> Ended:
    """Performs every task of `job` in `workers` actors; 0: as many as the cluster has room for now.

    Raises `BenchmarkError` where there is no cluster or no room, no actor can load the model, or a task lost `ATTEMPTS`
    actors.
    """
    with _connection() as ray, _witness() as witness:
        on_gpu = _on_gpu(device, ray.nodes())
        count = min(workers or _room(ray.nodes(), on_gpu, threads), len(job))
        share = {"num_gpus": 1, "num_cpus": 0} if on_gpu else {"num_cpus": threads}
        settings = {name: os.environ[name] for name in SETTINGS if name in os.environ}
        settings["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        hired = ray.remote(**share, runtime_env={"env_vars": settings}, scheduling_strategy="SPREAD")(Actor)
        team = Team(ray, hired, (ray.put(job), threads, on_gpu, witness, computed_on("cpu")["packages"]))
        try:
            for _ in range(count):
                team.hire()
            yield from team.work(len(job))
        finally:
            team.dismiss()


class Actor:
    """In a process of a node: the job, and its model once that is loaded."""

    def __init__(self, job: Job, threads: int, on_gpu: bool, witness: Path, packages: dict[str, str]) -> None:
        self.job, self.threads, self.on_gpu, self.witness, self.packages = job, threads, on_gpu, witness, packages
        self.loaded: Any = None

    def load(self) -> Exception | None:
        """Loads the model; what keeps this node from computing what the others compute is returned."""
        try:
            self._check()
            if not self.on_gpu:
                os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray leaves it as it is where it lends no GPU
            import torch

            torch.set_num_threads(self.threads)
            self.loaded = self.job.load()
        except (BenchmarkError, OSError) as error:
            return BenchmarkError(f"{socket.gethostname()}: {error}")
        return None

    def _check(self) -> None:
        folder = self.witness.parents[1]
        if not (folder.is_dir() and self.witness in self.witness.parent.glob("*")):
            raise BenchmarkError(f"does not see {folder}: all nodes must share the working folder, at the same path")
        os.chdir(folder)
        for name, version in computed_on("cpu")["packages"].items():
            if version != self.packages[name]:
                wanted = self.packages[name]
                raise BenchmarkError(f"has {name} {version}, not {wanted}: install the same lock on every node")

    def perform(self, index: int) -> Exception | None:
        """Performs a task; what the user is meant to see is returned."""
        return failure_of(self.job, self.loaded, index)


@dataclass
class Team:
    """The actors of a job. `calls`: by what Ray will answer, the actor and its task; the task None is loading."""

    ray: Any
    kind: Any
    arguments: tuple[Any, ...]
    calls: dict[Any, tuple[Any, int | None]] = field(default_factory=dict)
    idle: list[Any] = field(default_factory=list)

    def hire(self) -> None:
        """Asks for one more actor; Ray starts it where and when there is room."""
        actor = self.kind.remote(*self.arguments)
        self.calls[actor.load.remote()] = (actor, None)

    def work(self, tasks: int) -> Ended:
        """Each task as it ends. Idle actors stay until the last: they take over what another loses."""
        waiting, lost, size = deque(range(tasks)), Counter[int | None](), len(self.calls)
        while waiting or any(task is not None for _, task in self.calls.values()):
            self._assign(waiting)
            call = self._next()
            actor, task = self.calls.pop(call)
            try:
                failure = self.ray.get(call)
            except self.ray.exceptions.RayActorError as error:
                self.ray.kill(actor)
                lost[task] += 1
                if lost[task] == (ATTEMPTS * size if task is None else ATTEMPTS):
                    doing = "loading the model" if task is None else "at the same task"
                    raise BenchmarkError(
                        f"{lost[task]} workers were lost {doing}, perhaps for want of memory; Ray says: {_line(error)}"
                    ) from error
                log.warning("a worker was lost, and another takes over; Ray says: %s", _line(error))
                if task is not None:
                    waiting.appendleft(task)
                self.hire()
                continue
            if task is None and failure:
                self.ray.kill(actor)
                if not (self.calls or self.idle):
                    raise failure
                log.warning("a worker is left out: %s", failure)
                continue
            self.idle.append(actor)
            if task is None:
                lost[None] = 0
            else:
                self._assign(waiting)  # before the stage does its part with this one
                yield task, failure

    def dismiss(self) -> None:
        """Ends every actor."""
        for actor in [*self.idle, *(actor for actor, _ in self.calls.values())]:
            self.ray.kill(actor)

    def _assign(self, waiting: deque[int]) -> None:
        while self.idle and waiting:
            actor, task = self.idle.pop(), waiting.popleft()
            self.calls[actor.perform.remote(task)] = (actor, task)

    def _next(self) -> Any:
        """The next call that ends; where nobody gets to work, a line says so."""
        ended, _ = self.ray.wait([*self.calls], timeout=PATIENCE)
        if not ended:
            if all(task is None for _, task in self.calls.values()):
                log.warning("no worker could be started yet: `ray status` says what the cluster lacks")
            ended, _ = self.ray.wait([*self.calls])
        return ended[0]


@contextmanager
def _connection() -> Iterator[Any]:
    """Ray, connected to the cluster that RAY_ADDRESS names, or to the one at work on this machine."""
    try:
        import ray
    except ImportError as error:
        raise BenchmarkError(
            "a Ray cluster is asked for (executor: ray, or RAY_ADDRESS in the environment), but Ray is not installed: "
            "`make ray` adds it, on every node"
        ) from error
    if ray.is_initialized():
        yield ray
        return
    try:
        ray.init(address="auto", logging_level=logging.WARNING)
    except (OSError, RuntimeError, ValueError) as error:
        raise BenchmarkError(
            f"no Ray cluster can be reached: {_line(error)}; `ray start --head` starts one, RAY_ADDRESS says where"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _witness() -> Iterator[Path]:
    """A file in the working folder: who does not see it works in another one."""
    folder = Path(".work").absolute()
    folder.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="cluster-") as file:
        yield Path(file.name)


def _on_gpu(device: str, nodes: list[dict[str, Any]]) -> bool:
    """Whether the job runs on GPUs: `auto` where a node lends one."""
    if ":" in device:
        raise BenchmarkError(f"device {device} names one GPU, and a cluster has many: set it to cuda or auto")
    lent = any(node["Resources"].get("GPU") for node in nodes if node["Alive"])
    return device == "cuda" or (device == "auto" and lent)


def _room(nodes: list[dict[str, Any]], on_gpu: bool, threads: int) -> int:
    """How many actors the nodes have room for; raises `BenchmarkError` where they have none."""
    name, each = ("GPU", 1) if on_gpu else ("CPU", threads)
    room = sum(int(node["Resources"].get(name, 0) // each) for node in nodes if node["Alive"])
    if not room:
        what = "a GPU" if on_gpu else f"{threads} core{'s'[: threads > 1]} (threads in params.yaml)"
        raise BenchmarkError(
            f"no node of the cluster lends {what}: add one, or set JOBS to the number of workers to wait for"
        )
    return room


def _line(error: Exception) -> str:
    """The first line of what Ray says, or the type of the error."""
    return next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__).rstrip(".:")
