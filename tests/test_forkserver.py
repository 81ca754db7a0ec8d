"""`benchmark.forkserver`: a program in a fork is the program, for whoever starts, reads, signals and kills it."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import yaml
from dvc.utils.serialize import _yaml

from benchmark.forkserver import ADDRESS, PYTHON_M, dump_lock, fork_server

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
LIST = (sys.executable, "-m", "benchmark", "list", "masks")
# Trains for minutes, in the folder that it is started in.
TRAIN = (sys.executable, "-m", "benchmark", "model", "tiny_llama")


@pytest.fixture(scope="module")
def server() -> Iterator[psutil.Process]:
    before = set(psutil.Process().children())
    with fork_server():
        (process,) = set(psutil.Process().children()) - before
        yield process


def _run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, **options)  # type: ignore[call-overload,no-any-return]


def _alone() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != ADDRESS}


def _program(client: subprocess.Popen[bytes], server: psutil.Process) -> psutil.Process:
    """The fork that works for `client`: it stands in the client's process group."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        for process in server.children(recursive=True):
            try:
                if os.getpgid(process.pid) == client.pid:
                    return process
            except ProcessLookupError:
                pass
        time.sleep(0.02)
    raise AssertionError("no fork took the client's place")


@contextmanager
def _training(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A client whose program trains a model in `folder`."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    client = subprocess.Popen(TRAIN, cwd=folder, env=environment, process_group=0, stderr=subprocess.DEVNULL)
    try:
        yield client
    finally:
        client.kill()
        client.wait()


def _wait_until_gone(process: psutil.Process) -> None:
    psutil.wait_procs([process], timeout=20)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_fork_prints_and_ends_as_an_interpreter_of_its_own_does(server: psutil.Process) -> None:
    forked, alone = _run(*LIST), _run(*LIST, env=_alone())
    assert (forked.returncode, forked.stdout, forked.stderr) == (alone.returncode, alone.stdout, alone.stderr)
    assert forked.stdout
    wrong = (sys.executable, "-m", "benchmark", "dataset", "nowhere")
    forked, alone = _run(*wrong), _run(*wrong, env=_alone())
    assert (forked.returncode, forked.stdout, forked.stderr) == (alone.returncode, alone.stdout, alone.stderr)
    assert forked.returncode == 1
    version = _run(*PYTHON_M, "dvc", "--version")
    assert version.returncode == 0
    assert version.stdout == _run(sys.executable, "-m", "dvc", "--version", env=_alone()).stdout


def test_a_fork_has_the_folder_and_the_environment_of_its_client(server: psutil.Process, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "40"}
    there = subprocess.run(
        (sys.executable, "-m", "benchmark", "claim"), cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert there.returncode == 1
    assert "params.yaml is missing" in there.stderr
    narrow = subprocess.run((*LIST[:3], "--help"), cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "Usage: python -m benchmark [OPTIONS] COMMAND\n" in narrow.stdout, "COLUMNS breaks the line there"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_ends_with_its_client(server: psutil.Process, tmp_path: Path, number: signal.Signals) -> None:
    with _training(tmp_path) as client:
        program = _program(client, server)
        client.send_signal(number)
        assert client.wait(20) == -number
        _wait_until_gone(program)


def test_a_client_ends_as_its_program_does(server: psutil.Process, tmp_path: Path) -> None:
    with _training(tmp_path) as client:
        program = _program(client, server)
        program.send_signal(signal.SIGKILL)
        assert client.wait(20) == -signal.SIGKILL


def test_a_signal_to_the_group_reaches_the_program(server: psutil.Process, tmp_path: Path) -> None:
    with _training(tmp_path) as client:
        program = _program(client, server)
        os.killpg(client.pid, signal.SIGINT)
        assert client.wait(20) != 0
        _wait_until_gone(program)


def test_without_its_server_a_program_runs_by_itself() -> None:
    assert _run(*LIST, env={**_alone(), ADDRESS: "/nowhere/socket"}).stdout == _run(*LIST, env=_alone()).stdout


def test_the_stages_of_one_dvc_repro_share_a_server_that_ends_with_it(tmp_path: Path) -> None:
    """The stages could not run by themselves: what they would run is taken from them."""
    (tmp_path / "stage.py").write_text(
        "from benchmark import forkserver\nforkserver.PROGRAMS['benchmark'] = None\n"
        "forkserver.run('benchmark', ['list', 'masks'])\n"
    )
    stages = {
        name: {"cmd": f"{sys.executable} stage.py > {name} && ls .work > {name}-servers", "outs": [name]}
        for name in ("one", "two")
    }
    stages["two"]["deps"] = ["one"]
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    environment = {**_alone(), "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
    for command in (("init", "--no-scm", "-q"), ("repro", "-q")):
        subprocess.run((sys.executable, "-m", "dvc", *command), cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "one").read_text() == (tmp_path / "two").read_text() == _run(*LIST, env=_alone()).stdout
    servers = {(tmp_path / f"{name}-servers").read_text() for name in ("one", "two")}
    assert len(servers) == 1
    assert next(iter(servers)).startswith("fork-")
    limit = time.monotonic() + 20
    while any((tmp_path / ".work").iterdir()):
        assert time.monotonic() < limit, "the server outlived DVC"
        time.sleep(0.05)


def test_a_lock_is_written_as_dvc_writes_it() -> None:
    """The committed lock, and what writers differ in: text that looks like a number, is long, or has odd letters."""
    odd: dict[str, object] = OrderedDict(
        schema="2.0", stages={"b": {"cmd": "x " * 90, "md5": "1e5", "n": 3.0, "é": [None, True, "a: b"]}}
    )
    lock = _yaml.parse_yaml((ROOT / "dvc.lock").read_text(), "dvc.lock")
    for data in (lock, odd, dict[str, object]()):
        ours, theirs = io.StringIO(), io.StringIO()
        dump_lock(data, ours)
        _yaml._dump(data, theirs)
        assert ours.getvalue() == theirs.getvalue()


def test_nothing_is_left_when_the_block_ends() -> None:
    before = set(psutil.Process().children(recursive=True))
    address = os.environ.get(ADDRESS)
    with fork_server():
        assert _run(*LIST).returncode == 0
        folder = Path(os.environ[ADDRESS]).parent
    assert not folder.exists()
    assert set(psutil.Process().children(recursive=True)) <= before
    assert os.environ.get(ADDRESS) == address
