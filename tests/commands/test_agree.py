"""A run is compared with the results that git has."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmark.commands.agree import agree
from benchmark.delivered import keep
from benchmark.storage import write_json

PARAMS: Any = SimpleNamespace(results=Path("results"), profile="embedded")


def write(root: Path, rho: float, verdict: str = "refuted") -> None:
    claims = {name: {"verdict": verdict, "max_abs_rho": rho} for name in ("as_stated", "given_target")}
    write_json(root / "results/claim.json", {"families": {"paper": claims}})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, 0.5)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@x"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "results"]):
        subprocess.run([*git, *command], check=True)
    return tmp_path


def test_the_same_bytes_agree(root: Path) -> None:
    assert agree(PARAMS, root) == "agrees: the same bytes as what is committed"


def test_last_digits_agree_and_the_largest_difference_is_said(root: Path) -> None:
    write(root, 0.5033)
    said = agree(PARAMS, root)
    assert said.startswith("agrees: the same verdicts, the largest difference is 0.0033 (claim.json.families.paper.")
    assert "1 files differ in their bytes" in said


def test_a_larger_difference_is_named(root: Path) -> None:
    write(root, 0.6)
    said = agree(PARAMS, root)
    assert said.startswith("differs from what is committed: the same verdicts; claim.json.families.paper.")
    assert "max_abs_rho: 0.5 and 0.6, 0.1 apart" in said


def test_another_verdict_is_named(root: Path) -> None:
    write(root, 0.5, verdict="reproduced")
    said = agree(PARAMS, root)
    assert said.startswith("differs")
    assert said.index("refuted") < said.index("reproduced")


def test_without_git_what_came_with_the_folder_is_kept_before_the_first_run(tmp_path: Path) -> None:
    assert "nothing to compare" in agree(PARAMS, tmp_path)
    write(tmp_path, 0.5)
    keep(PARAMS, tmp_path)
    assert agree(PARAMS, tmp_path) == "agrees: the same bytes as what came with this folder"
    write(tmp_path, 0.6)
    keep(PARAMS, tmp_path)
    said = agree(PARAMS, tmp_path)
    assert said.startswith("differs from what came with this folder: the same verdicts; claim.json.families.paper.")
    assert "0.5 and 0.6" in said


def test_what_git_has_is_not_kept_twice(root: Path) -> None:
    keep(PARAMS, root)
    assert not (root / ".work").exists()
