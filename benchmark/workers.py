"""How the work of a stage is spread: the only place that knows.

    for index, failure in run(job, device, threads): ...   each task as it ends; `failure` is None where it ended well

On a CPU the workers are forks that share the loaded model; of several GPUs each has a process of its own; on a Ray
cluster they are actors (`cluster.py`). JOBS=n in the environment sets how many; by default there are as many as the
cores or the GPUs allow. A task is a pure function of the job and its index, so the bytes are the same for any number
of workers.

To spread work another way, enter an `Executor` into `EXECUTORS` and let `spread` choose it.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import active_children, get_context
from multiprocessing.context import BaseContext
from typing import Any, Protocol, TypeVar

from benchmark.errors import BenchmarkError

T = TypeVar("T")
R = TypeVar("R")
log = logging.getLogger(__name__)
Ended = Iterator[tuple[int, Exception | None]]


class Job(Protocol):
    """Independent tasks over one model. It travels to other processes, so it can be pickled."""

    def __len__(self) -> int:
        """How many tasks there are."""
        ...

    def load(self) -> Any:
        """The model, loaded once in a process, or once before the processes are forked."""
        ...

    def perform(self, loaded: Any, index: int) -> None:
        """Computes a task and writes what came out to where the job will look for it."""
        ...


class Executor(Protocol):
    """Performs every task of `job`, with `threads` of the processor each, and yields each one as it ends.

    `workers`: how many at most, 0 for as many as there is room for; `device`: as in params.yaml.
    """

    def __call__(self, job: Job, workers: int, threads: int, device: str) -> Ended: ...


def here(job: Job, workers: int, threads: int, device: str) -> Ended:
    """In this process, one after the other."""
    import torch

    torch.set_num_threads(threads)
    loaded = job.load()
    for index in range(len(job)):
        yield index, failure_of(job, loaded, index)


def forks(job: Job, workers: int, threads: int, device: str) -> Ended:
    """In forks of this process: it loads the model with one thread, for a fork has none of its threads."""
    import torch

    torch.set_num_threads(1)
    loaded = job.load()
    yield from _pool(get_context("fork"), workers, len(job), (job, threads, lambda: loaded))


def gpus(job: Job, workers: int, threads: int, device: str) -> Ended:
    """In processes that each see one GPU and load the model onto it."""
    context = get_context("spawn")
    free = context.SimpleQueue()
    for name in visible_gpus()[:workers]:
        free.put(name)
    yield from _pool(context, workers, len(job), (job, threads, None, free))


def ray(job: Job, workers: int, threads: int, device: str) -> Ended:
    """In actors on the nodes of a Ray cluster."""
    from benchmark.cluster import actors

    yield from actors(job, workers, threads, device)


EXECUTORS: dict[str, Executor] = {"here": here, "forks": forks, "gpus": gpus, "ray": ray}


def run(job: Job, device: str, threads: int | None, executor: str = "local") -> Ended:
    """Performs the job; `device`, `threads` of each worker (by default one a core) and `executor` as in params.yaml.

    Raises `BenchmarkError` where a worker process dies: what it had finished is kept.
    """
    import torch

    name, workers = spread(device, threads, len(job), executor)
    yield from EXECUTORS[name](job, workers, threads or torch.get_num_threads(), device)


def in_forks(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """What `function` gives of each item, in order, for work that needs neither a model nor torch.

    In forks with a thread each, as many at a time as there are cores, or JOBS. All of it can be pickled.
    """
    count = min(_jobs() or len(os.sched_getaffinity(0)), len(items))
    if count < 2:
        return [function(item) for item in items]
    with _processes(get_context("fork"), count, _start_one_thread) as pool:
        return list(pool.map(function, items))


def spread(device: str, threads: int | None, tasks: int, executor: str = "local") -> tuple[str, int]:
    """The executor for so many tasks, and how many workers it gets; 0: as many as it has room for."""
    import torch

    wanted = _jobs()
    if executor == "ray" or (executor == "auto" and os.environ.get("RAY_ADDRESS")):
        return "ray", min(wanted or 0, tasks)
    cores = len(os.sched_getaffinity(0))
    on_gpu = device != "cpu" and torch.cuda.is_available()
    there = len(visible_gpus()) if on_gpu and ":" not in device else 1
    if not on_gpu:
        count = min(wanted or max(1, cores // (threads or cores)), tasks)
        return ("forks", count) if count > 1 else ("here", 1)
    if wanted and wanted > there:
        log.warning("JOBS=%d, but the workers can use %d GPU%s: so many there are", wanted, there, "s"[: there > 1])
    count = min(wanted or there, there, tasks)
    return ("gpus", count) if count > 1 else ("here", 1)


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    count = torch.cuda.device_count()  # counts up to the first that is not there
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",")[:count] if named else [str(index) for index in range(count)]


def _jobs() -> int | None:
    text = os.environ.get("JOBS", "")
    if text and not (text.isdecimal() and int(text)):
        raise BenchmarkError(f"JOBS={text} is not a number of workers: give a whole number from 1 up")
    return int(text) if text else None


_worker: tuple[Job, Any]
"""In a worker: the job, and its model."""


def _belong() -> None:
    """A worker ends with the stage, and not before."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the stage gets it, too, and ends its workers
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a worker never outlives the stage


def _start_one_thread() -> None:
    from threadpoolctl import threadpool_limits

    _belong()
    threadpool_limits(1)


def _start(job: Job, threads: int, loaded: Callable[[], Any] | None, free: Any = None) -> None:
    global _worker
    _belong()
    if free is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = free.get()
    import torch

    torch.set_num_threads(threads)
    _worker = (job, loaded() if loaded else job.load())


def _perform(index: int) -> Exception | None:
    return failure_of(*_worker, index)


def failure_of(job: Job, loaded: Any, index: int) -> Exception | None:
    """Performs a task; what the user is meant to see is returned, a defect is raised."""
    try:
        job.perform(loaded, index)
    except (BenchmarkError, OSError) as error:
        return error
    return None


def _pool(context: BaseContext, workers: int, tasks: int, start: tuple[Any, ...]) -> Ended:
    with _processes(context, workers, _start, start) as pool:
        futures = {pool.submit(_perform, index): index for index in range(tasks)}
        for future in as_completed(futures):
            yield futures[future], future.result()


@contextmanager
def _processes(
    context: BaseContext, workers: int, start: Callable[..., None], arguments: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """Worker processes, which end where the stage fails. Raises `BenchmarkError` where one was killed."""
    with ProcessPoolExecutor(workers, context, initializer=start, initargs=arguments) as pool:
        try:
            yield pool
        except BrokenProcessPool as error:
            raise BenchmarkError(
                "a worker process was killed, perhaps by the system for want of memory (JOBS=1 takes least): what is "
                "finished is kept, and the next run goes on there"
            ) from error
        except BaseException:
            for child in active_children():
                child.terminate()
            raise
