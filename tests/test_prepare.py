"""`benchmark.prepare`: what a killed run left is tidied up, and what `dvc repro` would trip over is one line."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmark import prepare
from benchmark.errors import BenchmarkError
from benchmark.params import load_params

ROOT = Path(__file__).parents[1]


def test_a_list_of_files_in_use_is_forgotten_when_its_authors_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "rwlock"
    prepare.forget_dead_runs(path)
    path.write_text(json.dumps({"write": {"/data": {"pid": os.getpid(), "cmd": "dvc repro"}}}))
    with pytest.raises(BenchmarkError, match=f"another run of the pipeline is at work .*process {os.getpid()}"):
        prepare.forget_dead_runs(path)
    born = psutil.Process().create_time()
    os.utime(path, (born - 100, born - 100))
    prepare.forget_dead_runs(path)
    assert not path.exists(), "this process started after the list was written: it only has the author's number"
    for half in ("", '{"write": {"/data": {"pi'):
        path.write_text(half)
        prepare.forget_dead_runs(path)
        assert not path.exists(), "its author was killed while writing it"


def test_two_at_once_are_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    program = "import sys, time; from pathlib import Path; from benchmark.prepare import take_lock; "
    program += "take_lock(Path(sys.argv[1])); print('has it', flush=True); time.sleep(600)"
    path = tmp_path / "work/lock"
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, cwd=ROOT) as first:
        assert first.stdout
        first.stdout.readline()
        with pytest.raises(BenchmarkError, match="another run of the pipeline is at work in this folder"):
            prepare.take_lock(path)
        first.kill()
    prepare.take_lock(path)


def test_half_a_lock_is_dropped_and_a_whole_one_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lock = tmp_path / "dvc.lock"
    prepare.drop_broken_lock(lock)
    lock.write_text("schema: '2.0'\nstages: {}\n")
    prepare.drop_broken_lock(lock)
    assert lock.exists()
    assert not caplog.records
    for half in ("", "stages: {cell@a"):
        lock.write_text(half)
        with caplog.at_level(logging.WARNING):
            prepare.drop_broken_lock(lock)
        assert not lock.exists()
        assert "is made anew" in caplog.text


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    prepare.check_writable(tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchmarkError, match="make the folder writable"):
        prepare.check_writable(tmp_path / "file")


def test_so_is_one_within_that_another_user_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".work").write_text("")  # permissions do not bind the administrator, who may run this test
    params = load_params(Path(__file__).parents[1] / "params.yaml")
    with pytest.raises(BenchmarkError, match=r"writes into .*\.work, which fails .* make the folder writable"):
        prepare.prepare(params, Path("params.yaml"))
