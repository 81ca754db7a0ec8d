"""`benchmark.workers`: however work is spread, every task is done once, and what goes wrong is one clear line."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from benchmark import workers
from benchmark.errors import BenchmarkError


@dataclass(frozen=True)
class Writing:
    """Writes a file a task: what the worker is, and what it sees."""

    folder: Path
    tasks: int = 6
    do: Callable[[int], None] = abs  # type: ignore[assignment]

    def __len__(self) -> int:
        return self.tasks

    def load(self) -> str:
        return "model"

    def perform(self, loaded: Any, index: int) -> None:
        self.do(index)
        text = f"{loaded} {os.getpid()} {torch.get_num_threads()} {os.environ.get('CUDA_VISIBLE_DEVICES', '')}"
        (self.folder / str(index)).write_text(text)


def said(folder: Path) -> list[list[str]]:
    return [path.read_text().split(" ") for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_task_is_done_once_by_workers_with_their_own_threads(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBS", str(count))
    before = torch.get_num_threads()
    try:
        ended = dict(workers.run(Writing(tmp_path), "cpu", threads=1))
    finally:
        torch.set_num_threads(before)
    assert ended == dict.fromkeys(range(6))
    told = said(tmp_path)
    assert len(told) == 6
    assert {(model, threads) for model, _, threads, _ in told} == {("model", "1")}
    processes = {int(process) for _, process, _, _ in told}
    assert (processes == {os.getpid()}) == (count == 1)
    assert len(processes) <= count
    assert not any(psutil.pid_exists(process) for process in processes - {os.getpid()})


@pytest.mark.slow
def test_each_of_several_gpus_has_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "visible_gpus", lambda: ["5", "GPU-7"])
    assert dict(workers.gpus(Writing(tmp_path), 2, 1, "auto")) == dict.fromkeys(range(6))
    seen = {(process, gpu) for _, process, _, gpu in said(tmp_path)}
    assert len(seen) == len({process for process, _ in seen}), "a process sees one GPU"
    assert {gpu for _, gpu in seen} <= {"5", "GPU-7"}
    assert str(os.getpid()) not in {process for process, _ in seen}


@pytest.mark.parametrize(
    ("jobs", "gpus", "device", "threads", "expected"),
    [
        ("", 0, "auto", 1, ("forks", 4)),
        ("", 0, "cpu", 2, ("forks", 2)),
        ("", 2, "cpu", None, ("here", 1)),  # one worker has all the cores
        ("3", 0, "cpu", None, ("forks", 3)),
        ("1", 0, "cpu", 1, ("here", 1)),
        ("", 1, "auto", None, ("here", 1)),
        ("", 2, "cuda", None, ("gpus", 2)),
        ("", 2, "cuda:1", None, ("here", 1)),
        ("1", 2, "auto", None, ("here", 1)),
        ("8", 2, "auto", None, ("gpus", 2)),
        ("99", 0, "cpu", 1, ("forks", 50)),  # no more than tasks
    ],
)
def test_cores_and_gpus_decide_how_many_there_are(
    jobs: str,
    gpus: int,
    device: str,
    threads: int | None,
    expected: tuple[str, int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("JOBS", jobs)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(gpus))
    monkeypatch.setattr(workers, "visible_gpus", lambda: [str(index) for index in range(gpus)])
    with caplog.at_level(logging.WARNING):
        assert workers.spread(device, threads, 50) == expected
    more = jobs == "8"
    assert [record.getMessage() for record in caplog.records] == (
        ["JOBS=8, but the workers can use 2 GPUs: so many there are"] if more else []
    )


@pytest.mark.parametrize(
    ("executor", "address", "jobs", "expected"),
    [
        ("auto", "", "", ("forks", 4)),
        ("auto", "node:6379", "", ("ray", 0)),  # as many as it has room for
        ("auto", "node:6379", "8", ("ray", 8)),
        ("ray", "", "99", ("ray", 50)),
        ("local", "node:6379", "", ("forks", 4)),
    ],
)
def test_parameters_and_environment_decide_whether_it_is_a_cluster(
    executor: str, address: str, jobs: str, expected: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBS", jobs)
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    assert workers.spread("cpu", 1, 50, executor) == expected


def test_gpus_that_are_not_there_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7,9")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert workers.visible_gpus() == ["5", "7"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert workers.visible_gpus() == ["0", "1"]


@pytest.mark.parametrize("jobs", ["0", "two", "-1", "1.5"])
def test_a_number_of_workers_that_is_none_is_named(jobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS", jobs)
    with pytest.raises(BenchmarkError, match=f"JOBS={jobs} is not a number of workers"):
        workers.spread("cpu", 1, 4)


def kill_oneself(index: int) -> None:
    if index == 2:
        os.kill(os.getpid(), signal.SIGKILL)


def fail(index: int) -> None:
    if index == 1:
        raise BenchmarkError("no")
    if index == 2:
        raise OSError(28, "No space left on device")


def test_a_worker_that_is_killed_ends_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS", "2")
    with pytest.raises(BenchmarkError, match="a worker process was killed") as error:
        list(workers.run(Writing(tmp_path, do=kill_oneself), "cpu", 1))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_task_that_fails_is_named_and_the_others_are_done(
    jobs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBS", jobs)
    ended = dict(workers.run(Writing(tmp_path, do=fail), "cpu", 1))
    assert {index: str(error) for index, error in ended.items() if error} == {
        1: "no",
        2: "[Errno 28] No space left on device",
    }
    assert len(said(tmp_path)) == 4


def defect(index: int) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_defect_keeps_its_traceback(jobs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS", jobs)
    with pytest.raises(ZeroDivisionError):
        list(workers.run(Writing(tmp_path, do=defect), "cpu", 1))


def process_and(item: str) -> tuple[str, int]:
    return item * 2, os.getpid()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_forks_give_what_a_loop_gives_in_its_order(jobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS", jobs)
    found = workers.in_forks(process_and, ["b", "a", "c"])
    assert [text for text, _ in found] == ["bb", "aa", "cc"]
    assert ({process for _, process in found} == {os.getpid()}) == (jobs == "1")


@pytest.mark.parametrize(
    ("do", "error", "message"),
    [
        (kill_oneself, BenchmarkError, "a worker process was killed"),
        (fail, BenchmarkError, "^no$"),
        (defect, ZeroDivisionError, None),
    ],
)
def test_what_goes_wrong_in_a_fork_goes_wrong_here(
    do: Callable[[int], None], error: type[Exception], message: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBS", "2")
    with pytest.raises(error, match=message):
        workers.in_forks(do, [0, 1, 2] if do is not kill_oneself else [2, 2])
