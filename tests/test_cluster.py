"""`benchmark.cluster`: on three nodes, with workers and nodes that are killed, the bytes of a local run.

The nodes are real ones of Ray, all on this machine. Without Ray (`make ray`) only what needs no cluster is tested.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from benchmark import cluster, workers
from benchmark.cluster import Actor
from benchmark.errors import BenchmarkError
from benchmark.params import Params, load_params
from benchmark.parts import Arrays, Part, Shard, Tasks, compute_parts
from benchmark.provenance import computed_on
from benchmark.stages import dataset as dataset_stage
from benchmark.stages.quality import Scoring
from benchmark.stages.stage import stages
from tests.test_workers import Writing, defect, fail, kill_oneself, said

ROOT = Path(__file__).parents[1]
MODEL = "tiny_llama"
SHARDS = 2 * (10 + 1 + 2)
"""Of the quality stage of `project`: candidates, sets, and two more, for each of two datasets."""
SMALL = 100 * 1024**2
"""Bytes of a node's object store, through which the job alone travels."""
PACKAGES = computed_on("cpu")["packages"]


class Nodes:
    """Three nodes with a core each; the first is the head, which no test kills."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster()
        self.nodes = [self.add(num_cpus=1) for _ in range(3)]

    def add(self, **resources: int) -> Any:
        return self.cluster.add_node(object_store_memory=SMALL, include_dashboard=False, **resources)

    def kill(self, node: Any) -> None:
        self.cluster.remove_node(node, allow_graceful=False)
        if node in self.nodes:
            self.nodes.remove(node)

    def by_id(self, name: str) -> Any:
        return next(node for node in self.nodes if node.node_id == name)


@pytest.fixture(scope="module")
def started() -> Iterator[Nodes]:
    pytest.importorskip("ray", reason="Ray is not installed: `make ray` adds it")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        nodes = Nodes()
        yield nodes
        nodes.cluster.shutdown()


@pytest.fixture
def nodes(started: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    while len(started.nodes) < 3:
        started.nodes.append(started.add(num_cpus=1))
    monkeypatch.setenv("RAY_ADDRESS", started.cluster.address)
    monkeypatch.delenv("JOBS", raising=False)
    monkeypatch.chdir(tmp_path)
    return started


def node_id() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def meet(index: int) -> None:
    """Waits until three nodes are at work."""
    Path("met").mkdir(exist_ok=True)
    Path("met", node_id()).touch()
    limit = time.monotonic() + 300
    while len(list(Path("met").iterdir())) < 3:
        assert time.monotonic() < limit
        time.sleep(0.05)


def run(job: workers.Job, device: str = "cpu") -> dict[int, Exception | None]:
    return dict(workers.run(job, device, 1, "auto"))


@pytest.mark.slow
def test_every_task_is_done_once_by_one_actor_a_core_with_its_own_threads(nodes: Nodes, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert run(Writing(tmp_path / "out", tasks=7, do=meet)) == dict.fromkeys(range(7))
    told = said(tmp_path / "out")
    assert {(model, threads, gpu) for model, _, threads, gpu in told} == {("model", "1", "")}
    processes = {int(process) for _, process, _, _ in told}
    assert len(processes) == 3
    assert os.getpid() not in processes
    assert not psutil.wait_procs([psutil.Process(pid) for pid in processes if psutil.pid_exists(pid)], timeout=20)[1]
    assert not list(Path(".work").iterdir())


@pytest.mark.slow
def test_jobs_says_how_many_there_are(nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS", "1")
    (tmp_path / "out").mkdir()
    run(Writing(tmp_path / "out"))
    assert len({process for _, process, _, _ in said(tmp_path / "out")}) == 1


@pytest.mark.slow
def test_an_actor_has_a_gpu_of_its_own_where_nodes_lend_some(nodes: Nodes, tmp_path: Path) -> None:
    node = nodes.add(num_cpus=0, num_gpus=2)
    try:
        (tmp_path / "out").mkdir()
        run(Writing(tmp_path / "out", tasks=40, do=linger), "auto")
    finally:
        nodes.kill(node)
    seen = {(process, gpu) for _, process, _, gpu in said(tmp_path / "out")}
    assert {gpu for _, gpu in seen} == {"0", "1"}
    assert len({process for process, _ in seen}) == 2


def linger(index: int) -> None:
    time.sleep(0.2)


@pytest.mark.slow
def test_a_task_that_fails_is_named_and_the_others_are_done(nodes: Nodes, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    ended = run(Writing(tmp_path / "out", do=fail))
    assert {index: str(error) for index, error in ended.items() if error} == {
        1: "no",
        2: "[Errno 28] No space left on device",
    }
    assert len(said(tmp_path / "out")) == 4
    with pytest.raises(ZeroDivisionError):
        run(Writing(tmp_path / "out", do=defect))


@pytest.mark.slow
def test_a_task_that_kills_every_worker_ends_in_one_line(nodes: Nodes, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(
        BenchmarkError, match="4 workers were lost at the same task, perhaps for want of memory"
    ) as error:
        run(Writing(tmp_path / "out", do=kill_oneself))
    assert "\n" not in str(error.value)


@dataclass(frozen=True)
class Loading(Writing):
    """Its model is there on the nodes that `have` names."""

    have: tuple[str, ...] = ()

    def load(self) -> str:
        if node_id() not in self.have:
            raise BenchmarkError("the model is missing")
        return "model"


@pytest.mark.slow
def test_a_node_that_cannot_load_the_model_is_left_out(
    nodes: Nodes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "out").mkdir()
    have = tuple(node.node_id for node in nodes.nodes[:2])
    assert run(Loading(tmp_path / "out", have=have, tasks=30, do=linger)) == dict.fromkeys(range(30))
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("a worker is left out: ")
    assert caplog.messages[0].endswith(": the model is missing")
    with pytest.raises(BenchmarkError, match="the model is missing"):
        run(Loading(tmp_path / "out"))


@pytest.mark.slow
def test_a_cluster_without_room_or_none_at_all_is_one_line(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BenchmarkError, match=r"no node of the cluster lends 2 cores \(threads in params.yaml\)"):
        list(workers.run(Writing(tmp_path), "cpu", 2, "ray"))
    with pytest.raises(BenchmarkError, match="no node of the cluster lends a GPU"):
        run(Writing(tmp_path), "cuda")
    with pytest.raises(BenchmarkError, match="device cuda:1 names one GPU"):
        run(Writing(tmp_path), "cuda:1")
    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    with pytest.raises(
        BenchmarkError, match=r"no Ray cluster can be reached: .*nonsense.*; `ray start --head`"
    ) as error:
        run(Writing(tmp_path))
    assert "\n" not in str(error.value)


# --- a stage with a real model ---


class Noting(Scoring):
    """The quality stage, slowly; it notes each computed shard, and where, in `calls/`."""

    def compute(self, loaded: Any, dataset: str, shard: Shard, budget: Any) -> Arrays:
        Path("calls").mkdir(exist_ok=True)
        Path("calls", f"{dataset} {shard.name} {node_id()} {os.getpid()} {time.time_ns()}").touch()
        time.sleep(0.2)
        if shard.name == "pool_00000020":
            budget.tokens //= 2  # as where memory runs out
        return super().compute(loaded, dataset, shard, budget)


class Halving(Scoring):
    """The same, locally."""

    def compute(self, loaded: Any, dataset: str, shard: Shard, budget: Any) -> Arrays:
        if shard.name == "pool_00000020":
            budget.tokens //= 2
        return super().compute(loaded, dataset, shard, budget)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a profile, its datasets and its model."""
    folder = tmp_path_factory.mktemp("project")
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["models"], content["sae"]["models"] = {MODEL: content["models"][MODEL]}, {}
    content["datasets"] = {
        name: content["datasets"][name] | {"pool": 200, "queries": 16} for name in ("topic", "sentiment")
    }
    content["quality"] = {"token_budget": 2048, "shard": 20, "set_sizes": [2], "sets": 4}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    shutil.copytree(ROOT / "data/models" / MODEL, folder / "data/models" / MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        dataset_stage.run(load_params(Path("params.yaml")))
    return folder


@pytest.fixture(scope="module")
def local(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """What a local run leaves."""
    folder = tmp_path_factory.mktemp("local")
    shutil.copytree(project, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("JOBS", "1")
        patch.delenv("RAY_ADDRESS", raising=False)
        compute_parts(Halving(load_params(Path("params.yaml")), MODEL))
    return contents(folder)


@pytest.fixture
def params(nodes: Nodes, project: Path, tmp_path: Path) -> Params:
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    return load_params(Path("params.yaml"))


def contents(folder: Path) -> dict[str, bytes]:
    paths = sorted((folder / "data/quality").rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


def calls() -> list[list[str]]:
    """Dataset, shard, node, process and time of what was computed, in order."""
    found = [path.name.split(" ") for path in Path("calls").glob("*")]
    return sorted(found, key=lambda call: int(call[-1]))


def finished() -> set[tuple[str, str]]:
    """Dataset and name of the shards that are there, and of those of the finished parts."""
    done = {(path.parent.parent.name, path.stem) for path in Path(".work").rglob("[!.]*.npz")}
    parts = {path.parent.name for path in Path("data/quality").rglob("key.json")}
    return done | {(dataset, shard) for dataset, shard, *_ in calls() if dataset in parts}


def wait(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.mark.slow
def test_a_node_that_dies_in_the_middle_costs_no_byte(
    nodes: Nodes, params: Params, local: Mapping[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed: list[str] = []

    def kill_one() -> None:
        others = {node.node_id for node in nodes.nodes[1:]}
        wait(lambda: len(finished()) > 3 and calls()[-1][2] in others)
        killed.append(calls()[-1][2])
        nodes.kill(nodes.by_id(killed[0]))

    thread = threading.Thread(target=kill_one)
    thread.start()
    compute_parts(Noting(params, MODEL))
    thread.join()
    assert contents(tmp_path) == local
    taken = calls()
    times = Counter((dataset, shard) for dataset, shard, *_ in taken)
    assert len(times) == SHARDS
    lost = [shard for shard, count in times.items() if count > 1]
    assert len(lost) <= 1
    assert all(times[shard] == 2 for shard in lost)
    by_killed = [n for n, call in enumerate(taken) if call[2] == killed[0]]
    assert by_killed
    assert by_killed[-1] < len(taken) - 5, "the others went on"
    assert [message for message in caplog.messages if message.startswith("a worker was lost, and another takes over")]


@pytest.mark.slow
def test_a_killed_worker_costs_no_byte_and_what_it_had_finished_is_not_computed_again(
    nodes: Nodes, params: Params, local: Mapping[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    work = Noting(params, MODEL)
    parts = [Part(work, dataset) for dataset in work.datasets()]
    tasks = [(part.dataset, shard, part.done.path(shard.name)) for part in parts for shard in part.missing()]
    ended = dict(workers.run(Dying(work, tasks, {}), "cpu", 1, "auto"))
    assert ended == dict.fromkeys(range(len(tasks)))
    assert Path("killed").exists()
    assert len(calls()) == len(tasks)
    assert [message for message in caplog.messages if message.startswith("a worker was lost, and another takes over")]
    compute_parts(work)
    assert len(calls()) == len(tasks), "a rerun finds them"
    assert contents(tmp_path) == local


@dataclass(frozen=True)
class Dying(Tasks):
    """Its worker dies once, after a shard was written and before anyone knows."""

    def perform(self, loaded: Any, index: int) -> None:
        super().perform(loaded, index)
        if index == 5 and not Path("killed").exists():
            Path("killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)


STAGE = textwrap.dedent(
    """
    import logging
    from pathlib import Path
    from benchmark.params import load_params
    from benchmark.parts import compute_parts
    from tests.test_cluster import MODEL, Noting

    compute_parts(Noting(load_params(Path("params.yaml")), MODEL))
    """
)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_stage_leaves_no_worker_and_a_rerun_attaches_to_what_is_finished(
    how: signal.Signals, nodes: Nodes, params: Params, local: Mapping[str, bytes], tmp_path: Path
) -> None:
    settings = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", STAGE], env=settings, stderr=subprocess.DEVNULL)
    wait(lambda: len(finished()) > 5)
    process.send_signal(how)
    process.wait(60)
    actors = {int(call[3]) for call in calls()}
    wait(lambda: not any(map(psutil.pid_exists, actors)))
    before = finished()
    taken = len(calls())
    assert len(before) < SHARDS
    compute_parts(Noting(params, MODEL))
    again = {(dataset, shard) for dataset, shard, *_ in calls()[taken:]}
    assert again
    assert not again & before
    assert contents(tmp_path) == local


# --- without a cluster ---


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # an actor sets it
    Path(".work").mkdir()
    path = tmp_path / ".work/cluster-1"
    path.touch()
    return path


def test_an_actor_loads_the_model_where_all_is_as_it_should_be(witness: Path, tmp_path: Path) -> None:
    actor = Actor(Writing(tmp_path), 1, False, witness, PACKAGES)
    assert actor.load() is None
    assert actor.perform(0) is None


def test_a_node_that_does_not_share_the_folder_is_told(witness: Path, tmp_path: Path) -> None:
    for path in (witness.with_name("cluster-2"), tmp_path / "elsewhere/.work/cluster-1"):
        failure = Actor(Writing(tmp_path), 1, False, path, PACKAGES).load()
        assert str(failure).endswith(
            f"does not see {path.parents[1]}: all nodes must share the working folder, at the same path"
        )


def test_a_node_with_other_versions_is_told(witness: Path, tmp_path: Path) -> None:
    failure = Actor(Writing(tmp_path), 1, False, witness, PACKAGES | {"torch": "1.0"}).load()
    assert f"has torch {PACKAGES['torch']}, not 1.0: install the same lock on every node" in str(failure)


@pytest.mark.parametrize(("executor", "address"), [("ray", ""), ("auto", "127.0.0.1:6379")])
def test_without_ray_a_line_says_how_to_get_it(
    executor: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(BenchmarkError, match="Ray is not installed: `make ray` adds it, on every node") as error:
        list(workers.run(Writing(tmp_path), "cpu", 1, executor))
    assert "\n" not in str(error.value)


def test_nodes_of_several_kinds_have_room_for_whole_workers(caplog: pytest.LogCaptureFixture) -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 7.0}},
        {"Alive": True, "Resources": {"CPU": 3.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    assert cluster._room(nodes, False, 2) == 3 + 1
    assert cluster._room(nodes, True, 2) == 2
    assert [cluster._on_gpu(device, nodes) for device in ("cpu", "cuda", "auto")] == [False, True, True]
    assert not cluster._on_gpu("auto", nodes[:1])


def test_where_shards_are_computed_is_in_no_key(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert not [name for name, stage in stages().items() if "executor" in stage.parameters]
    content = yaml.safe_load(Path("params.yaml").read_text())
    keys = [
        Part(Scoring(Params.model_validate(content | {"executor": executor}), MODEL), "topic").key
        for executor in ("local", "ray")
    ]
    assert keys[0] == keys[1]


def test_the_job_for_kubernetes_asks_for_the_locked_ray() -> None:
    job = yaml.safe_load((ROOT / "cluster/rayjob.yaml").read_text())
    locked = re.search(r"^ray(?:\[\w+\])?==(\S+)", (ROOT / "requirements/ray.lock").read_text(), flags=re.MULTILINE)
    assert locked
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == locked[1]
