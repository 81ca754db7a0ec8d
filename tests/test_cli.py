"""The command line teaches, and ends every foreseeable failure in one line."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from benchmark.cli import main

ROOT = Path(__file__).parents[1]
STAGES = ("dataset", "model", "extract", "quality", "select", "plant", "correlate", "claim", "timing", "report", "gate")


def _run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_help_lists_every_stage_in_the_order_of_the_pipeline() -> None:
    text = _run("--help")
    places = [text.index(f"\n  {stage}", text.index("Commands:")) for stage in STAGES]
    assert places == sorted(places)
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert set(stages) == set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_every_command_explains_itself(stage: str) -> None:
    assert len(_run(stage, "--help").splitlines()) >= 6


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("models", "tiny_llama"),
        ("tasks", "template boolq"),
        ("masks", "target_isolated"),
        ("statistics", "kurtosis            excess (Fisher)"),
        ("selectors", "oracle"),
    ],
)
def test_names_are_listed_a_line_each(what: str, expected: str) -> None:
    lines = _run("list", what).splitlines()
    assert any(line.startswith(expected) for line in lines)
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("extract", "tiny_lama", "majority"), "error: unknown model 'tiny_lama': did you mean 'tiny_llama'? Known:"),
        (("quality", "tiny_llama", "majorty"), "error: unknown dataset 'majorty': did you mean 'majority'? Known:"),
        (("dataset", "boolq"), "error: unknown dataset 'boolq':"),
        (("--params", "none.yaml", "claim"), "error: none.yaml is missing"),
    ],
)
def test_a_bad_name_ends_in_one_line(words: tuple[str, ...], message: str) -> None:
    output = _run(*words, code=1)
    assert output.startswith(message)
    assert len(output.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_leaves_a_record_of_its_run_under_the_name_that_the_lock_has(
    stage: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(f"benchmark.stages.{stage}.run", lambda *_: "done")
    monkeypatch.chdir(tmp_path)
    command = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]["cmd"]
    cell = {"model": "tiny_llama", "dataset": "majority"}
    needs = [name for name in cell if f"${{item.{name}}}" in command]
    _run("--params", str(ROOT / "params.yaml"), stage, *(cell[name] for name in needs))
    (record,) = (tmp_path / ".work/stages/embedded").iterdir()
    assert record.stem == "@".join(filter(None, (stage, "-".join(cell[name] for name in needs))))
    assert json.loads(record.read_text()).keys() >= {"started", "seconds", "revision", "dirty", "device"}
    assert record.stem in yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]


def test_a_verdict_of_other_parameters_is_not_printed(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("bound: 0.33", "bound: 0.34"), encoding="utf-8")
    output = _run("--params", str(tmp_path / "params.yaml"), "verdict", code=1)
    assert re.fullmatch(
        r"error: results/claim\.json was made with other parameters .*: run the claim stage again\n", output
    )
    assert _run("verdict").startswith("verdict  ")


def test_debug_shows_the_traceback() -> None:
    command = [sys.executable, "-m", "benchmark", "--debug", "dataset", "nowhere"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_a_full_disk_ends_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["paths"]["data"] = str(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setattr(os, "fsync", full)
    output = _run("--params", str(tmp_path / "params.yaml"), "dataset", next(iter(content["datasets"])), code=1)
    assert output.splitlines()[-1].startswith("error: cannot write")
    assert output.rstrip().endswith("No space left on device")


def test_an_interrupt_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    import benchmark.stages.claim

    def interrupt(params: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark.stages.claim, "run", interrupt)
    assert "Traceback" not in _run("claim", code=1)


def test_an_interpreter_without_the_packages_is_told_where_they_are() -> None:
    bare = [sys.executable, "-S", "-m", "benchmark", "list", "masks"]  # -S: no site-packages
    ended = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: {sys.executable} has no package ")
    assert "make venv" in ended.stderr
    assert ended.stderr.count("\n") == 1
