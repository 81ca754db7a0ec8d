"""The command line teaches, and ends every foreseeable failure in one line."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from benchmark.cli import Session, command_of, main
from benchmark.stages import stage as table
from benchmark.stages.stage import stages

ROOT = Path(__file__).parents[1]
STAGES = tuple(stages())


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
        (("extract", "tiny_lama"), "error: unknown model 'tiny_lama': did you mean 'tiny_llama'? Known:"),
        (("model", "llama_3b"), "error: unknown model 'llama_3b':"),
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
    monkeypatch.setitem(table._STAGES, stage, replace(table._STAGES[stage], run=lambda *_: "done"))
    fresh = click.Group("fresh")
    fresh.add_command(command_of(table._STAGES[stage]))
    monkeypatch.chdir(tmp_path)
    model = ["tiny_llama"] if stage == "model" else []
    session = Session(ROOT / "params.yaml", debug=False)
    result = CliRunner().invoke(fresh, [stage, *model], obj=session, catch_exceptions=False)
    assert set(result.output.splitlines()) == {"done"}
    (record,) = (tmp_path / ".work/stages/embedded").iterdir()
    assert record.stem == "@".join((stage, *model))
    assert json.loads(record.read_text()).keys() >= {"started", "seconds", "revision", "dirty", "device"}


def test_a_verdict_of_other_parameters_is_not_printed(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("bound: 0.33", "bound: 0.34"), encoding="utf-8")
    output = _run("--params", str(tmp_path / "params.yaml"), "verdict", code=1)
    assert re.fullmatch(
        r"error: results/claim\.json was made with other parameters .*: run the claim stage again\n", output
    )
    assert _run("verdict").startswith("verdict  ")


def test_a_remedy_names_the_command_of_the_profile(tmp_path: Path) -> None:
    content = yaml.safe_load((ROOT / "paper/params.yaml").read_text(encoding="utf-8"))
    content["paths"]["results"] = str(tmp_path / "results")
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    output = _run("--params", str(path), "verdict", code=1)
    assert output.endswith(f"claim.json is missing: run the stage that makes it (`dvc --cd {tmp_path} repro`)\n")


def test_debug_shows_the_traceback() -> None:
    command = [sys.executable, "-m", "benchmark", "--debug", "model", "nowhere"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_a_full_disk_ends_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["paths"] |= {"data": str(tmp_path / "data"), "results": str(tmp_path / "results")}
    monkeypatch.setattr(os, "fsync", full)
    content["datasets"] = {name: content["datasets"][name] for name in ("topic", "majority")}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    output = _run("--params", str(tmp_path / "params.yaml"), "dataset", code=1)
    assert output.splitlines()[-1].startswith("error: dataset majority: cannot write")
    assert output.rstrip().endswith("No space left on device (and 1 more datasets failed)")


def test_an_interrupt_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(params: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmark.verdict.run", interrupt)
    assert _run("verdict", code=1) == "error: stopped; what is finished is kept, and the next run goes on there\n"


def test_an_interrupt_before_the_command_begins_is_one_line_too(tmp_path: Path) -> None:
    """Imports take seconds, in which a user presses Ctrl-C as well."""
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "benchmark", "verdict"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr == "error: stopped; what is finished is kept, and the next run goes on there\n"


def test_an_interpreter_without_the_packages_is_told_where_they_are() -> None:
    bare = [sys.executable, "-S", "-m", "benchmark", "list", "masks"]  # -S: no site-packages
    ended = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: {sys.executable} has no package ")
    assert "make venv" in ended.stderr
    assert ended.stderr.count("\n") == 1
