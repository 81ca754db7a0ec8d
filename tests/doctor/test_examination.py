"""The doctor on machines and hubs that lack something: each line names it and says what to do."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import yaml
from huggingface_hub import constants

from benchmark.doctor import Finding, State, environment, examine
from benchmark.doctor.repositories import check_repositories, check_token
from benchmark.hub import faults
from benchmark.params import Params, load_params
from tests.hub_server import HubServer, Repository
from tests.hub_server.datasets import dataset_repository
from tests.hub_server.server import STRANGER, TOKEN

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
    for key, value in changes.items():
        content[key] = content[key] | value if isinstance(value, dict) else value
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return load_params(path)


def lines(findings: list[Finding], state: State) -> str:
    return "\n".join(str(finding) for finding in findings if finding.state is state)


def test_all_is_well_with_the_right_token(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    findings = examine(profile(hub, tmp_path))
    assert not lines(findings, State.FIX)
    well = lines(findings, State.OK)
    for subject in ("python", "parameters", "token: of reviewer", "llama_3b", "qwen_3b", "arc", "memory", "disk"):
        assert subject in well
    assert "gated and open to this token" in well
    assert not any("/resolve/" in path for path in hub.paths("GET"))  # nothing was downloaded
    assert not Path(constants.HF_HUB_CACHE).exists()


def test_without_a_token_the_gated_model_is_told_and_the_rest_is_well(hub: HubServer, tmp_path: Path) -> None:
    findings = examine(profile(hub, tmp_path))
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
    assert "account that your HF_TOKEN belongs to" in lines([*check_repositories(params)], State.FIX)
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
    bad = lines([*check_repositories(profile(hub, tmp_path, models=models))], State.FIX)
    assert "llama_3b: meta-llama/Llama-3.2-3B has no revision 000" in bad
    assert "qwen_3b: Qwen/none is not on" in bad


def test_a_hub_that_is_not_reached_is_asked_once(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = profile(hub, tmp_path)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(faults, "WAITS", (0.01,))
    findings = [*check_repositories(params)]
    assert "http://127.0.0.1:9 cannot be reached" in lines(findings, State.FIX)
    assert len(findings) == 2


def test_names_that_do_not_exist(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    bad = lines(examine(profile(hub, tmp_path, extraction={"masks": ["causl"]})), State.FIX)
    assert "unknown mask" in bad
    assert "did you mean 'causal'" in bad
    assert len(bad.splitlines()) == 1


def test_a_full_disk_and_too_little_memory(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    params = profile(hub, tmp_path)
    usage, memory = shutil.disk_usage("/"), psutil.virtual_memory()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=1000))
    bad = lines(examine(params), State.FIX)
    assert "12.60 GB needed for weights to download: make room, or set HF_HOME" in bad
    assert "the largest model takes 12.9 GB as float32" in bad


@pytest.mark.skipif(torch.cuda.is_available(), reason="speaks of a machine without a GPU")
def test_builds_and_drivers_that_do_not_fit(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auto, cuda = profile(hub, tmp_path), profile(hub, tmp_path, device="cuda")
    monkeypatch.setattr(environment, "driver_version", lambda: None)
    assert "everything runs on the CPU" in lines([*environment.check_driver(auto)], State.NOTE)
    assert "set device to auto or cpu" in lines([*environment.check_driver(cuda)], State.FIX)
    monkeypatch.setattr(environment, "driver_version", lambda: "535.1")
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "is a CPU build: `make venv LOCK=cuda`" in lines([*environment.check_driver(auto)], State.FIX)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert "driver 535.1 does not serve: update the driver" in lines([*environment.check_driver(auto)], State.FIX)


def test_another_python_and_other_packages(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = profile(hub, tmp_path)
    monkeypatch.setattr(environment, "differences", lambda _: ["numpy 1.0, locked 2.4.6"])
    assert "numpy 1.0, locked 2.4.6" in lines([*environment.check_lock(params)], State.NOTE)
    monkeypatch.setattr(sys, "version_info", (3, 12, 0))
    assert "the locks are for 3.11" in lines([*environment.check_python(params)], State.FIX)


def test_local_sources_that_are_missing(hub: HubServer, tmp_path: Path) -> None:
    models = {"mine": {"source": "local", "path": str(tmp_path / "none")}}
    params = profile(hub, tmp_path)
    content = yaml.safe_load((tmp_path / "params.yaml").read_text())
    content["models"] = models
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    params = load_params(tmp_path / "params.yaml")
    bad = lines(examine(params), State.FIX)
    assert "holds no model: correct models.mine.path" in bad


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
    findings = examine(load_params(tmp_path / "params.yaml"))
    assert not lines(findings, State.FIX)
    assert "were not compared: the shape of model qwen_3b" in lines(findings, State.NOTE)
