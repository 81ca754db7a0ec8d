"""This repository's last commit, packed, unpacked outside any repository, and verified there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.commands.archive import pack

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (ROOT / ".git").exists():
        pytest.skip("an archive is made from a commit, and this copy has no git")
    place = tmp_path_factory.mktemp("elsewhere")
    subprocess.run(["tar", "-xf", pack(ROOT, "HEAD", place / "a.tar")], cwd=place, check=True)
    (folder,) = place.glob("icl-*")
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command in the unpacked folder, with the packages of this Python and nothing of this tree."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {"PATH": path, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MAKEFLAGS")}
    return subprocess.run(
        command, cwd=folder, env={**environment, **settings}, capture_output=True, text=True, check=False
    )


def test_make_verify_recomputes_every_verdict_without_git(unpacked: Path) -> None:
    assert run(unpacked, "git", "rev-parse").returncode, "the folder lies inside a repository"
    done = run(unpacked, "make", "verify", "VENV=")
    assert done.returncode == 0, done.stdout + done.stderr
    profiles = [unpacked / "results/claim.json", *unpacked.glob("*/results/claim.json")]
    assert done.stdout.count("verified: recomputed from the cells, no model was run") == len(profiles) > 1


def test_an_edited_cell_is_found_there(unpacked: Path) -> None:
    path = min((unpacked / "results/cells").iterdir())
    content = path.read_bytes()
    path.write_bytes(content[:-100] + bytes([content[-100] ^ 1]) + content[-99:])
    try:
        done = run(unpacked, "make", "verify", "VENV=")
        assert done.returncode != 0
        assert f"results/cells/{path.name}" in done.stderr
    finally:
        path.write_bytes(content)


def test_an_archive_of_an_archive_is_refused_in_one_line(unpacked: Path) -> None:
    done = run(unpacked, "make", "archive", "VENV=")
    assert done.returncode != 0
    assert done.stderr.startswith("error: an archive is made from a commit, and git says: ")
