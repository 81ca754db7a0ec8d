"""`benchmark.provenance`: complete, stable while the results are, and aware of edits."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest

from benchmark import provenance
from benchmark.errors import BenchmarkError
from benchmark.params import Params, load_params

ROOT = Path(__file__).parents[1]


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """The embedded profile in an empty folder, with results and inputs."""
    text = (ROOT / "params.yaml").read_text()
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(text)
    params = load_params(Path("params.yaml"))
    for name in params.models:
        folder = params.model_folder(name)
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"name": name}))
    (params.results / "cells").mkdir(parents=True)
    (params.results / "claim.json").write_text("{}")
    (params.results / "cells/x.npz").write_bytes(b"x")
    return params


def write(params: Params) -> bool:
    return provenance.write(params, ["a", "b"])


def recorded(params: Params) -> dict[str, object]:
    return dict(json.loads((params.results / "provenance.json").read_text()))


def test_it_says_what_where_from_and_how_long(params: Params) -> None:
    with provenance.stage_record("a", params):
        time.sleep(0.05)
    assert write(params)
    record = recorded(params)
    assert record["outputs"] == {
        "results/cells/x.npz": hashlib.sha256(b"x").hexdigest(),
        "results/claim.json": hashlib.sha256(b"{}").hexdigest(),
    }
    assert len(record["inputs"]) == len(params.models)  # type: ignore[arg-type]
    assert record["seeds"]["seed"] == params.seed  # type: ignore[index]
    assert record["parameters"]["claim"] == json.loads(json.dumps(record["parameters"]["claim"]))  # type: ignore[index]
    assert record["environment"]["packages"]["torch"].startswith("2.")  # type: ignore[index]
    stages = record["stages"]
    assert isinstance(stages, dict)
    assert 0.05 <= stages["a"]["seconds"] < 5
    assert stages["a"].keys() >= {"started", "revision", "dirty", "device"}
    assert stages["b"] == {}, "it did not run here"


def test_it_stays_as_it_is_while_the_results_do(params: Params) -> None:
    assert write(params)
    before = (params.results / "provenance.json").read_bytes()
    with provenance.stage_record("a", params):
        pass
    assert not write(params)
    assert (params.results / "provenance.json").read_bytes() == before
    assert not provenance.changed(params)


def test_a_stage_that_does_not_run_keeps_its_record(params: Params) -> None:
    with provenance.stage_record("a", params):
        pass
    write(params)
    first = recorded(params)["stages"]["a"]  # type: ignore[index]
    (params.results / "claim.json").write_text("[]")
    Path(".work/stages", params.profile, "a.json").unlink()
    assert write(params)
    assert recorded(params)["stages"]["a"] == first  # type: ignore[index]


def test_a_stage_that_fails_leaves_no_record(params: Params) -> None:
    with pytest.raises(BenchmarkError), provenance.stage_record("a", params):
        raise BenchmarkError("no")
    assert not Path(".work").exists()


@pytest.mark.parametrize("edit", ["edited", "removed", "added"])
def test_a_result_that_is_not_the_recorded_one_is_named(params: Params, edit: str) -> None:
    write(params)
    path = params.results / ("new.csv" if edit == "added" else "claim.json")
    path.unlink() if edit == "removed" else path.write_text("7")
    assert provenance.changed(params) == [path.as_posix()]


def test_without_a_record_check_says_what_to_do(params: Params) -> None:
    with pytest.raises(BenchmarkError, match="run `dvc repro`"):
        provenance.changed(params)


def test_packages_that_differ_from_the_lock_are_listed(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text("click==0.1 \\\n    --hash=sha256:00\nno-such-package==3\n")
    found = provenance.differences(lock)
    assert [line.split()[0] for line in found] == ["click", "no-such-package"]
    assert found[1] == "no-such-package missing, locked 3"


def test_the_lock_is_hashed_as_it_stands() -> None:
    lock = provenance.environment()["lock"]
    assert lock["sha256"] == hashlib.sha256((ROOT / lock["file"]).read_bytes()).hexdigest()


@pytest.mark.parametrize("refused", ["demand", "verify"])
def test_it_is_written_of_what_the_gate_refuses_but_not_of_what_was_edited(
    params: Params, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    from benchmark.analysis import gate, verification
    from benchmark.stages import gate as stage

    def fail(*_: object) -> None:
        raise BenchmarkError("no")

    monkeypatch.setattr(verification, "verify", fail if refused == "verify" else lambda _: None)
    monkeypatch.setattr(gate, "demand", fail)
    with pytest.raises(BenchmarkError, match="no"):
        stage.run(params)
    assert (params.results / "provenance.json").exists() == (refused == "demand")
