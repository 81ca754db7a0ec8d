"""`benchmark.pipeline` on a small DVC project: side by side as in turn, stopped, killed, started twice, without git."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from benchmark import pipeline
from benchmark.errors import BenchmarkError
from tests.small_pipeline import build, reproduce

PROGRAM = """\
import signal, sys
from pathlib import Path
from benchmark import pipeline
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with pipeline.exclusive(Path('.work/pipeline.lock')) as lock:
    pipeline.forget_dead_jobs(Path('.dvc/tmp/rwlock'))
    pipeline.parallel(Path('dvc.yaml'), 2, lock) if sys.argv[1:] else pipeline.serial(Path('dvc.yaml'), lock)
    pipeline.tidy_lock(Path('dvc.yaml'))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(Path(pipeline.__file__).parents[1]))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    return build(tmp_path / "project")


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.Popen(command, cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return output


def wait_for(path: Path) -> None:
    limit = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < limit, f"{path} never appeared"
        time.sleep(0.02)


def slow(root: Path) -> None:
    """Cell b takes ten minutes: none of these tests waits for it."""
    (root / "params.yaml").write_text("names:\n  a: 1\n  b: 60000\n")


def quick(root: Path) -> None:
    (root / "params.yaml").write_text("names:\n  a: 1\n  b: 2\n")


@pytest.mark.slow
def test_side_by_side_gives_the_bytes_of_one_after_the_other(project: Path, tmp_path: Path) -> None:
    serial = Path(shutil.copytree(project, tmp_path / "serial"))
    finish(start(serial))
    output = finish(start(project, "parallel"))
    assert output.splitlines()[-1] == "[3/3] total"
    for name in ("dvc.lock", "results/total.txt"):
        assert (project / name).read_bytes() == (serial / name).read_bytes()
    reproduce(project)
    assert (project / "dvc.lock").read_bytes() == (serial / "dvc.lock").read_bytes(), "DVC keeps the order"


@pytest.mark.slow
@pytest.mark.parametrize("mode", [(), ("parallel",)], ids=["serial", "parallel"])
def test_a_terminated_run_stops_what_it_started_and_is_taken_up_again(project: Path, mode: tuple[str, ...]) -> None:
    slow(project)
    process = start(project, *mode)
    wait_for(project / "started-b")
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert not (project / "data/cells/b.txt").exists()
    quick(project)
    finish(start(project, *mode))
    assert (project / "results/total.txt").read_text() == "a b"


@pytest.mark.slow
def test_a_killed_run_is_waited_for_and_then_taken_up_again(project: Path) -> None:
    slow(project)
    process = start(project)
    wait_for(project / "started-b")
    (dvc,) = psutil.Process(process.pid).children()
    children = dvc.children(recursive=True)
    process.kill()
    process.wait()
    second = start(project)
    assert "another run of the pipeline is at work" in second.communicate(timeout=60)[0]
    for orphan in [dvc, *children]:
        orphan.kill()
    psutil.wait_procs([dvc, *children], timeout=10)
    quick(project)
    finish(start(project))
    assert (project / "results/total.txt").read_text() == "a b"


@pytest.mark.slow
@pytest.mark.parametrize("second", [["-m", "dvc", "repro"], ["-c", PROGRAM]], ids=["plain", "serial"])
def test_a_plain_dvc_repro_at_work_stops_another_run(project: Path, second: list[str]) -> None:
    slow(project)
    settings = os.environ | pipeline.surroundings()
    with subprocess.Popen([sys.executable, "-m", "dvc", "repro"], cwd=project, env=settings, process_group=0) as first:
        wait_for(project / "started-b")
        done = subprocess.run(
            [sys.executable, *second], cwd=project, env=settings, capture_output=True, text=True, check=False
        )
        os.killpg(first.pid, signal.SIGKILL)  # SIGINT is ignored by what was started in the background
    assert done.returncode != 0
    assert "is being blocked by" in done.stderr
    assert not (project / "results").exists()
    quick(project)
    finish(start(project))
    assert (project / "results/total.txt").read_text() == "a b"


@pytest.mark.slow
def test_a_failed_cell_is_named_and_what_was_finished_is_kept(project: Path) -> None:
    (project / "params.yaml").write_text("names:\n  a: 1\n  b: wrong\n")
    process = start(project, "parallel")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "BenchmarkError: cell@b failed" in output
    assert "unsupported operand" in output
    assert set(yaml.safe_load((project / "dvc.lock").read_text())["stages"]) == {"cell@a"}


@pytest.mark.slow
def test_it_runs_without_git(project: Path) -> None:
    shutil.rmtree(project / ".git")
    finish(start(project))
    assert (project / "results/total.txt").read_text() == "a b"


def test_a_list_of_files_in_use_is_forgotten_when_its_authors_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "rwlock"
    path.write_text(json.dumps({"write": {"/data": {"pid": os.getpid(), "cmd": "dvc repro"}}}))
    pipeline.forget_dead_jobs(path)
    assert path.exists(), "its author is this process, and lives"
    born = psutil.Process().create_time()
    os.utime(path, (born - 100, born - 100))
    pipeline.forget_dead_jobs(path)
    assert not path.exists(), "this process started after the list was written: it only has the author's number"
    for half in ("", '{"write": {"/data": {"pi'):
        path.write_text(half)
        pipeline.forget_dead_jobs(path)
        assert not path.exists(), "its author was killed while writing it"


LOCK_KILLED = """
import os, signal, sys
from benchmark import forkserver

whole = forkserver.dump_lock

def half(data, stream):
    if "dvc.lock" not in stream.name:  # an entry of its cache of runs
        return whole(data, stream)
    stream.write("schema: '2.0'\\nstages:\\n  cell@a:\\n    cm")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)

forkserver.dump_lock = half
sys.exit(forkserver.PROGRAMS["dvc"].main(["repro"]))
"""


@pytest.mark.slow
def test_a_kill_while_dvc_writes_its_lock_leaves_the_old_one(project: Path) -> None:
    finish(start(project))
    before = (project / "dvc.lock").read_bytes()
    (project / "params.yaml").write_text("names:\n  a: 1\n  b: 3\n")
    done = subprocess.run([sys.executable, "-c", LOCK_KILLED], cwd=project, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (project / "dvc.lock").read_bytes() == before
    finish(start(project))
    assert set(yaml.safe_load((project / "dvc.lock").read_text())["stages"]) == {"cell@a", "cell@b", "total"}
    assert not list(project.glob("dvc.lock.*"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchmarkError, match="make the folder writable"), pipeline.exclusive(tmp_path / "file/lock"):
        pass


def test_jobs_share_cores_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setattr(pipeline, "device", lambda: {"gpus": [{}, {}]})
    shares = [pipeline.share(slot, 4) for slot in range(4)]
    assert [share["CUDA_VISIBLE_DEVICES"] for share in shares] == ["0", "1", "0", "1"]
    assert {share["OMP_NUM_THREADS"] for share in shares} == {"4"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7,6")
    assert [pipeline.share(slot, 4)["CUDA_VISIBLE_DEVICES"] for slot in range(4)] == ["5", "7", "6", "5"]


@pytest.mark.slow
def test_only_what_changed_runs_and_a_stage_that_is_gone_leaves_the_lock(project: Path) -> None:
    assert finish(start(project, "parallel")).splitlines()[-1] == "[3/3] total"
    assert not finish(start(project, "parallel"))
    (project / "params.yaml").write_text("names:\n  a: 2\n  b: 2\n")
    assert finish(start(project, "parallel")).splitlines() == ["[1/2] cell@a", "[2/2] total"]
    (project / "params.yaml").write_text("names:\n  a: 2\n")
    assert finish(start(project, "parallel")).splitlines() == ["[1/1] total"]
    assert list(yaml.safe_load((project / "dvc.lock").read_text())["stages"]) == ["cell@a", "total"]


@pytest.mark.slow
def test_a_broken_lock_is_named(project: Path) -> None:
    finish(start(project))
    (project / "dvc.lock").write_text("stages: {cell@a")
    process = start(project, "parallel")
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "BenchmarkError: DVC cannot read dvc.yaml: " in output
    assert "dvc.lock" in output
