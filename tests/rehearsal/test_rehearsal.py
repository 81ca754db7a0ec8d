"""The rehearsal in its small form: the way from the first fetch to the verdict, and what must not happen on it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer

from benchmark.agreement import CLOCK
from benchmark.storage import read_arrays
from tests.rehearsal.rehearsal import PARAMS, Rehearsal
from tests.rehearsal.scale import SMALL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with Rehearsal(tmp_path_factory.mktemp("rehearsal"), SMALL) as whole:
        yield whole


def test_a_gated_model_stops_the_doctor_and_the_fetch_with_one_line(rehearsal: Rehearsal) -> None:
    doctor = rehearsal.run("doctor", check=False, HF_TOKEN="")
    assert doctor.returncode == 1
    assert next(line for line in doctor.stdout.splitlines() if line.startswith("FIX")).count("accept its licence") == 1
    fetch = rehearsal.run("model", "llama_3b", check=False, HF_TOKEN="")
    assert fetch.returncode == 1
    said = [line for line in fetch.stderr.splitlines() if line.startswith("error: ")]
    assert len(said) == 1
    assert "HF_TOKEN=hf_..." in said[0]
    assert "Traceback" not in fetch.stderr
    assert not (rehearsal.checkout / "paper/data/models/llama_3b/manifest.json").exists()


def test_the_pipeline_reaches_a_verdict_through_doctor_and_plan(rehearsal: Rehearsal) -> None:
    assert "FIX" not in rehearsal.run("doctor").stdout
    assert "total" in rehearsal.run("plan", "--gpu", "H100").stdout
    rehearsal.reproduce()
    results = rehearsal.checkout / "paper" / "results"
    claim = json.loads((results / "claim.json").read_text())
    assert claim["verdict"] in ("reproduced", "refuted", "exceeded", "inconclusive")
    for name in ("correlations.csv", "selection.csv", "report.html", *CLOCK):
        assert (results / name).stat().st_size > 0
    assert (rehearsal.checkout / "paper" / "dvc.lock").is_file()
    manifest = json.loads((rehearsal.checkout / "paper/data/models/llama_3b/manifest.json").read_text())
    assert (manifest["licence"], manifest["add_bos"]) == ("llama3.2", True)
    for model in ("llama_3b", "qwen_3b"):
        for dataset in SMALL.datasets:
            folder = rehearsal.checkout / "paper/data/quality" / model / dataset
            shape = read_arrays(folder / "matrices.npz")["log_probability"].shape
            assert shape == (SMALL.pool, SMALL.queries)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an S3 server on loopback that has a bucket `results`."""
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="results")
        yield endpoint
    finally:
        server.stop()


def test_results_travel_to_a_laptop_without_torch(rehearsal: Rehearsal, bucket: str, tmp_path: Path) -> None:
    """By git alone the verdict is verified; by an S3 remote every cell's files come back, to the byte."""
    laptop = tmp_path / "laptop"
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    rehearsal.execute("dvc", "--cd", "paper", "remote", "add", "--default", "store", "s3://results/rehearsal")
    rehearsal.execute("dvc", "--cd", "paper", "remote", "modify", "store", "endpointurl", bucket)
    rehearsal.execute("dvc", "--cd", "paper", "push")
    rehearsal.execute("git", "add", "--all")
    rehearsal.execute("git", "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-qm", "The results")
    rehearsal.execute("git", "clone", "-q", str(rehearsal.checkout), str(laptop))
    sent = [path for path in (laptop / "paper/data").rglob("*") if path.is_file()]
    data = [path for path in sent if path.parent.name != "code"]  # and which code each stage depends on
    assert sorted(path.name for path in data) == ["manifest.json", "manifest.json"], "no weights"

    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "torch.py").write_text("raise ImportError('this laptop has no torch')")
    path = os.pathsep.join((str(tmp_path / "without"), str(laptop)))

    def verify() -> subprocess.CompletedProcess[str]:
        return rehearsal.execute(
            *rehearsal.command("verify"), folder=laptop, check=False, environment={"PYTHONPATH": path}
        )

    done = verify()
    assert done.returncode == 0, done.stdout + done.stderr
    for file, old, new in (
        ("paper/results/correlations.csv", "0.", "0.0"),
        ("paper/params.yaml", "bound: 0.33", "bound: 0.35"),
        ("paper/dvc.lock", "md5: ", "md5: 0"),
    ):
        kept = (laptop / file).read_text()
        assert old in kept
        (laptop / file).write_text(kept.replace(old, new, 1))
        done = verify()
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), (file, done.stdout, done.stderr)
        (laptop / file).write_text(kept)

    rehearsal.execute("dvc", "--cd", "paper", "pull", folder=laptop)
    for kind in ("activations", "quality", "embeddings", "selection", "datasets"):
        here, there = (folder / "paper/data" / kind for folder in (rehearsal.checkout, laptop))
        files = [path.relative_to(here) for path in here.rglob("*") if path.is_file()]
        assert files
        assert all((there / file).read_bytes() == (here / file).read_bytes() for file in files)


def test_a_network_that_is_gone_changes_nothing(rehearsal: Rehearsal) -> None:
    folder = rehearsal.checkout / "paper/data"
    before = {path: path.read_bytes() for path in folder.glob("models/*/manifest.json")}
    before |= {path: path.read_bytes() for path in folder.glob("datasets/*/*.json*")}
    asked = len(rehearsal.hub.requests)
    for name in ("llama_3b", "qwen_3b"):
        rehearsal.run("model", name, HF_HUB_OFFLINE="1", HF_TOKEN="")
    rehearsal.run("dataset", HF_HUB_OFFLINE="1")
    assert len(rehearsal.hub.requests) == asked
    assert before
    assert {path: path.read_bytes() for path in before} == before


def test_parameters_changed_to_nonsense_fail_before_anything_is_touched(rehearsal: Rehearsal) -> None:
    params = rehearsal.checkout / PARAMS
    kept = params.read_text()
    content = yaml.safe_load(kept)
    content["models"]["qwen_3b"]["shape"]["layers"] = 36
    try:
        params.write_text(yaml.safe_dump(content))
        done = rehearsal.run("model", "qwen_3b", check=False)
        assert done.returncode == 1
        assert "shape.layers is 36 in the parameters, but 2 in its config" in done.stderr
    finally:
        params.write_text(kept)


def test_weights_that_are_gone_from_the_cache_are_asked_for(rehearsal: Rehearsal) -> None:
    home = rehearsal.folder / "home"
    finished = rehearsal.checkout / "paper/data/activations/qwen_3b"
    finished.rename(rehearsal.folder / "finished")  # what is finished would need no model
    home.rename(rehearsal.folder / "elsewhere")
    try:
        done = rehearsal.run("extract", "qwen_3b", check=False)
        assert done.returncode == 1
        assert "run `python -m benchmark model qwen_3b`" in done.stderr
    finally:
        shutil.rmtree(home, ignore_errors=True)
        (rehearsal.folder / "elsewhere").rename(home)
        shutil.rmtree(finished, ignore_errors=True)
        (rehearsal.folder / "finished").rename(finished)
