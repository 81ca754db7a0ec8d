"""`benchmark.staleness` against a small DVC project: clean, and with each kind of staleness planted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from benchmark.errors import BenchmarkError
from benchmark.staleness import check
from tests.small_pipeline import build, reproduce

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = build(tmp_path_factory.mktemp("small") / "project")
    reproduce(root)
    return root


@pytest.fixture
def copy(project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(project, tmp_path / "copy"))


def test_a_clean_tree_passes(copy: Path) -> None:
    assert check(copy / "dvc.yaml") == 3


def test_a_clone_without_the_cached_data_passes(copy: Path) -> None:
    shutil.rmtree(copy / "data")
    shutil.rmtree(copy / ".dvc/cache")
    assert check(copy / "dvc.yaml") == 3


def test_a_copy_without_git_passes(copy: Path) -> None:
    shutil.rmtree(copy / ".git")
    assert check(copy / "dvc.yaml") == 3


def _edit_parameter(root: Path) -> None:
    (root / "params.yaml").write_text("names:\n  a: 1\n  b: 3\n")


def _edit_code(root: Path) -> None:
    with (root / "code/cell.py").open("a") as file:
        file.write("# changed\n")


def _add_code(root: Path) -> None:
    (root / "code/new.py").write_text("")


def _edit_result(root: Path) -> None:
    (root / "results/total.txt").write_text("1 3")


def _remove_result(root: Path) -> None:
    (root / "results/total.txt").unlink()


def _edit_data(root: Path) -> None:
    path = root / "data/cells/a.txt"
    path.unlink()  # a link into DVC's cache, perhaps
    path.write_text("7")


def _drop_lock_entry(root: Path) -> None:
    lock = yaml.safe_load((root / "dvc.lock").read_text())
    del lock["stages"]["cell@b"]
    (root / "dvc.lock").write_text(yaml.safe_dump(lock))


def _remove_cell(root: Path) -> None:
    (root / "params.yaml").write_text("names:\n  a: 1\n")


def _add_cell(root: Path) -> None:
    (root / "params.yaml").write_text("names:\n  a: 1\n  b: 2\n  c: 3\n")


def _edit_command(root: Path) -> None:
    path = root / "dvc.yaml"
    path.write_text(path.read_text().replace("python code/total.py", "python -u code/total.py"))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_edit_parameter, r"stale: .*parameter names.b of .*params.yaml is modified"),
        (_edit_code, r"stale: stage cell@a: its input .*cell.py is modified"),
        (_add_code, r"stale: stage total: its input .*code is modified"),
        (_edit_result, r"stale: stage total: its result .*total.txt is modified"),
        (_remove_result, r"stale: stage total: its result .*total.txt is deleted"),
        (_edit_data, r"stale: stage cell@a: its result .*a.txt is modified"),
        (_drop_lock_entry, r"stale: stage cell@b has no entry in the lock"),
        (_remove_cell, r"stale: .*no stage cell@b"),
        (_add_cell, r"stale: stage cell@c has no entry"),
        (_edit_command, r"stale: stage total: its command changed"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
@pytest.mark.parametrize("cached", [True, False], ids=["data", "clone"])
def test_every_kind_of_staleness_is_named(copy: Path, edit: Callable[[Path], None], message: str, cached: bool) -> None:
    if not cached and edit is not _edit_data:  # a clone without data has none to edit
        shutil.rmtree(copy / "data")
        shutil.rmtree(copy / ".dvc/cache")
    edit(copy)
    with pytest.raises(BenchmarkError, match=message) as error:
        check(copy / "dvc.yaml")
    assert "\n" not in str(error.value)


def test_an_input_may_differ_where_the_caller_compares_the_outs(copy: Path) -> None:
    _add_code(copy)
    assert check(copy / "dvc.yaml", renewed=["total"]) == 3
    _edit_result(copy)
    with pytest.raises(BenchmarkError, match=r"stage total: its result .*total.txt is modified"):
        check(copy / "dvc.yaml", renewed=["total"])


def test_locks_that_contradict_each_other_are_named_without_data(copy: Path) -> None:
    shutil.rmtree(copy / "data")
    lock = yaml.safe_load((copy / "dvc.lock").read_text())
    lock["stages"]["cell@b"]["outs"][0]["size"] += 1
    (copy / "dvc.lock").write_text(yaml.safe_dump(lock))
    with pytest.raises(BenchmarkError, match="not what the stage that makes it recorded"):
        check(copy / "dvc.yaml")


def test_remedies_are_those_of_the_profile(copy: Path, tmp_path: Path) -> None:
    inner = Path(shutil.copytree(copy, tmp_path / "whole/mine"))
    (tmp_path / "whole/params.yaml").touch()
    _remove_cell(inner)
    remedies = "`python -m benchmark --params mine/params.yaml clean` forgets it.*`dvc --cd mine repro`"
    with pytest.raises(BenchmarkError, match=remedies):
        check(inner / "dvc.yaml")


def test_a_missing_lock_is_named(copy: Path) -> None:
    (copy / "dvc.lock").unlink()
    with pytest.raises(BenchmarkError, match=r"dvc\.lock is missing"):
        check(copy / "dvc.yaml")


def test_no_torch_is_imported() -> None:
    program = "import sys, benchmark.staleness, dvc.repo; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
