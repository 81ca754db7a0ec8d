"""`make verify` on a clone of this tree: it passes, without torch, and fails on every kind of staleness.

A tree whose results were not made by its code fails here, as it does there: `make repro`, and commit what changes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from benchmark.storage import read_arrays, write_arrays
from tests.working_tree import copy_tracked

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git has, and a torch that fails when it is imported."""
    root = copy_tracked(tmp_path_factory.mktemp("tree") / "clone", without=("tests/", "docs/"))
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / "no").mkdir()
    (root / "no/torch.py").write_text("raise RuntimeError('verify imports torch')\n")
    return root


@pytest.fixture
def copy(clone: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clone, tmp_path / "copy"))


def verify(root: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{root / 'no'}{os.pathsep}{root}"}
    command = [sys.executable, "-m", "benchmark", "verify"]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def edit_a_parameter(root: Path) -> None:
    replace(root / "params.yaml", "bound: 0.33", "bound: 0.34")


def edit_a_stages_code(root: Path) -> None:
    replace(root / "benchmark/analysis/spearman.py", "\n", "\n\n")


def edit_code_that_stages_share(root: Path) -> None:
    replace(root / "benchmark/storage.py", "decimals: int = 6", "decimals: int = 7")


def edit_a_result(root: Path) -> None:
    replace(root / "results/correlations.csv", ",0.", ",0.9")


def edit_a_score(root: Path) -> None:
    path = min((root / "results/cells").iterdir())
    arrays = read_arrays(path)
    arrays["scores"][0, 0] += 1
    write_arrays(path, **arrays)


def remove_a_lock_entry(root: Path) -> None:
    lock = yaml.safe_load((root / "dvc.lock").read_text())
    del lock["stages"]["claim"]
    (root / "dvc.lock").write_text(yaml.safe_dump(lock))


def remove_a_cell(root: Path) -> None:
    params = yaml.safe_load((root / "params.yaml").read_text())
    del params["datasets"]["topic"]
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def remove_a_cells_file(root: Path) -> None:
    min((root / "results/cells").iterdir()).unlink()


def test_a_clone_passes_without_torch(clone: Path) -> None:
    done = verify(clone)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("verified: ")


def test_code_that_no_stage_depends_on_may_change_and_be_added(copy: Path) -> None:
    replace(copy / "benchmark/cli.py", "\n", "\n\n")
    mask = (copy / "benchmark/activations/masks/no_sink.py").read_text()
    (copy / "benchmark/activations/masks/another.py").write_text(mask.replace("no_sink", "another"))
    (copy / "benchmark/tasks/templates/another.py").write_text("")
    done = verify(copy)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edit_a_parameter, "stale: .*parameter claim of .*params.yaml is modified"),
        (edit_a_stages_code, r"stale: .*other code: benchmark/analysis/spearman.py \(.*correlate.*\)"),
        (edit_code_that_stages_share, r"stale: .*other code: benchmark/storage.py \(.*dataset.*\)"),
        (edit_a_result, r"results/correlations.csv changed after the run \(.*rho.*\): .*`dvc repro`"),
        (remove_a_lock_entry, "stale: stage claim has no entry in the lock"),
        (remove_a_cell, "stale: .*parameter datasets of .*params.yaml is"),
        (edit_a_score, r"results/cells/\S+.npz changed after the run \(.*\): .*`dvc repro`"),
        (remove_a_cells_file, r"results/cells/\S+.npz changed after the run \(.*is missing.*\): .*`dvc repro`"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_every_kind_of_staleness_fails_in_one_line(copy: Path, edit: Callable[[Path], None], message: str) -> None:
    edit(copy)
    done = verify(copy)
    assert done.returncode == 1, done.stdout
    (line,) = done.stderr.splitlines()
    assert re.match(f"error: {message}", line), line
