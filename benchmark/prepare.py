"""What has to be in order before `dvc repro`, and what a killed run left: `python -m benchmark prepare`.

DVC lists the files in use in `.dvc/tmp/rwlock`. A container that was killed leaves the list; in the next one its
process numbers are others'. And DVC writes its lock in place: a kill in that moment leaves half of it. Parts keep their
keys, so that without the lock nothing is computed again.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import yaml

from benchmark.delivered import keep
from benchmark.dvcfile import drifted
from benchmark.errors import BenchmarkError
from benchmark.leftovers import refuse
from benchmark.params import Params
from benchmark.parts import WORK

log = logging.getLogger(__name__)


def prepare(params: Params, params_path: Path) -> None:
    """Raises `BenchmarkError` where `dvc repro` of the profile would fail or run something else."""
    folder = params_path.parent
    for each in (folder, WORK, params.data, params.results):
        check_writable(each)
    take_lock(WORK / "pipeline.lock")
    forget_dead_runs(folder / ".dvc/tmp/rwlock")
    drop_broken_lock(folder / "dvc.lock")
    refuse(params)
    keep(params)
    if drifted(params_path):
        raise BenchmarkError(
            f"{folder / 'dvc.yaml'} is not the one that {params_path} and the stages give: "
            f"`python -m benchmark pipeline {params_path}` writes it"
        )


def take_lock(path: Path) -> None:
    """Locks `path` for this process and the program that it becomes; `BenchmarkError` where another holds it.

    The lock holds between containers that share the folder, too, where process numbers say nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BenchmarkError("another run of the pipeline is at work in this folder: wait until it ends") from error
    os.set_inheritable(handle, True)


def check_writable(folder: Path) -> None:
    """Makes `folder` where it is missing. Raises `BenchmarkError` where the pipeline could not write."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BenchmarkError(
            f"the pipeline writes into {folder.resolve()}, which fails ({error.strerror}): make the folder writable "
            f"for user {os.getuid()}, or work in a copy"
        ) from error


def forget_dead_runs(rwlock: Path) -> None:
    """Removes DVC's list of files in use when all who wrote it are gone; raises `BenchmarkError` while one is at work.

    A process that started after the list was last written only has an author's number.
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
            raise BenchmarkError(
                f"another run of the pipeline is at work in this folder (process {process.pid}): wait until it ends"
            )
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


def drop_broken_lock(lock: Path) -> None:
    """Removes a dvc.lock that no YAML parser reads."""
    try:
        whole = isinstance(yaml.safe_load(lock.read_text(encoding="utf-8")), dict)
    except FileNotFoundError:
        return
    except (yaml.YAMLError, UnicodeDecodeError):
        whole = False
    if not whole:
        lock.unlink()
        log.warning("%s was damaged, by a kill perhaps, and is made anew; what is finished is kept", lock)
