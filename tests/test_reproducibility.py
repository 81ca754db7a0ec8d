"""The pipeline several times, in other circumstances each time: the same bytes, or, on another processor, nearly so.

A small part of the embedded profile (one model, one task of each kind) runs in copies of this tree: two differ in
folder, hash seed, locale, time zone, thread count and workers, and where possible in user; a third computes with the
vector units of an old processor; a fourth runs under another Python, whose environment `make test-pythons` names.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmark.agreement import CLOCK, bytewise, compare, describe
from benchmark.parts import RECORD
from benchmark.storage import read_json
from tests.working_tree import ROOT, copy_tracked

OUTS = (
    "data/datasets",
    "data/activations",
    "data/quality",
    "data/prompts",
    "data/answers",
    "data/labels",
    "data/selection",
    "data/planted",
    "data/sae",
    "data/features",
)
OTHER_USER = 31337
OTHER_PYTHON = os.environ.get("OTHER_PYTHON", "")
FIRST = {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC", "OMP_NUM_THREADS": "1"}
# torch, its two libraries of matrix products, and those of numpy and scipy, without AVX and what came after it.
OLD_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
}


def tree(folder: Path) -> Path:
    """A copy of the tracked files of this tree, its outs but the trained model removed, its parameters cut down."""
    copy_tracked(folder, without=("results/", "tests/", "paper/", "data/sae/"))
    params = yaml.safe_load((folder / "params.yaml").read_text())
    model = min(params["models"])
    params["models"] = {model: params["models"][model]}
    params["sae"]["models"] = {model: params["sae"]["models"][model]}
    params["datasets"] = {name: params["datasets"][name] for name in _one_of_each_kind(params["datasets"])}
    params["claim"] |= {"permutations": 500, "bootstrap": 100, "splits": 20}
    params["quality"] |= {"sets": 8}
    params["timing"] |= {"rounds": 3}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    command = [sys.executable, "-m", "benchmark", "pipeline", "params.yaml"]
    subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, check=True, capture_output=True)
    lock = yaml.safe_load((folder / "dvc.lock").read_text())
    lock["stages"] = {name: entry for name, entry in lock["stages"].items() if name == f"model@{model}"}
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock))
    return folder


def _one_of_each_kind(datasets: dict[str, dict[str, str]]) -> list[str]:
    from benchmark.tasks.embedded import build_dataset

    kinds: dict[str, str] = {}
    for name, parameters in datasets.items():
        kinds.setdefault(build_dataset(name, parameters["family"], seed=0).kind, name)
    return list(kinds.values())


def run(
    folder: Path, jobs: int, settings: dict[str, str], become: tuple[str, ...] = (), python: str = sys.executable
) -> None:
    done = subprocess.run(
        [*become, python, "-m", "benchmark", "prepare", python, "-m", "dvc", "repro"],
        cwd=folder,
        env={**os.environ, **in_a_folder_without_git(folder, python), "JOBS": str(jobs), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def in_a_folder_without_git(folder: Path, python: str) -> dict[str, str]:
    """What `make` sets there."""
    path = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PYTHONPATH": str(folder), "PATH": path, "DVC_SYSTEM_CONFIG_DIR": str(folder / ".dvc/without-git")}


def someone_else(folder: Path) -> tuple[str, ...]:
    """The start of a command that another user runs, who owns `folder` from now on; empty where this one may not.

    That user may read everything, for the folders above Python and this tree may be closed to it.
    """
    rights = "-all,+dac_read_search"
    user = (f"--reuid={OTHER_USER}", f"--regid={OTHER_USER}", "--clear-groups")
    become = ("setpriv", *user, f"--inh-caps={rights}", f"--ambient-caps={rights}")
    try:
        subprocess.run([*become, sys.executable, "-c", ""], check=True)
    except (OSError, subprocess.CalledProcessError):
        return ()
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, OTHER_USER, OTHER_USER, follow_symlinks=False)
    return become


def foreign_locale(folder: Path) -> dict[str, str]:
    """German, in Latin-1 and with decimal commas, where the system can compile it; else another name of UTF-8."""
    name = "de_DE.ISO-8859-1"
    try:
        subprocess.run(["localedef", "-i", "de_DE", "-f", "ISO-8859-1", folder / name], check=True)
    except (OSError, subprocess.CalledProcessError):
        return {"LC_ALL": "C.UTF-8"}
    return {"LC_ALL": name, "LOCPATH": str(folder)}


def take_times(one: Path, other: Path) -> None:
    """Times are no two times alike: the second run takes those of the first, for the page shows them."""
    (other / "results").mkdir(parents=True, exist_ok=True)
    for name in ("timing.json", "timing_history.csv"):
        shutil.copy2(one / "results" / name, other / "results" / name)
    locks = [yaml.safe_load((folder / "dvc.lock").read_text()) for folder in (one, other)]
    locks[1]["stages"]["timing"] = locks[0]["stages"]["timing"]
    (other / "dvc.lock").write_text(yaml.safe_dump(locks[1]))


def files_of(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def digests(folder: Path) -> dict[str, str]:
    return {f"{out}/{name}": digest for out in OUTS for name, digest in files_of(folder / out).items()}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tree(tmp_path_factory.mktemp("first") / "one")
    run(folder, 1, FIRST)
    return folder


@pytest.mark.pipeline
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the settings are those of x86 libraries")
def test_an_old_processor_gives_the_same_verdict_and_nearly_the_same_numbers(one: Path, tmp_path: Path) -> None:
    found = re.search(r"--tolerance (\S+)", (ROOT / ".github/workflows/ci.yml").read_text())
    assert found, "continuous integration compares with the same tolerance"
    other = tree(tmp_path / "other")
    # in git, as the trained model is: where the profile is run elsewhere, it is not trained again
    shutil.copytree(one / "data/sae", other / "data/sae", dirs_exist_ok=True)
    run(other, 2, FIRST | OLD_PROCESSOR)
    assert files_of(one / "data/sae") == files_of(other / "data/sae")
    left, right = one / "results", other / "results"
    result = compare(left, right, tolerance=float(found.group(1)))
    assert not result.beyond, "\n".join(map(describe, result.beyond))
    assert result.largest, "the settings had no effect"
    print(f"the largest difference between vector units: {describe(result.largest)}")
    assert read_json(left / "claim.json")["verdict"] == read_json(right / "claim.json")["verdict"]
    assert digests(one) != digests(other), "the settings had no effect"


@pytest.mark.pipeline
def test_the_same_bytes_in_other_circumstances(one: Path, tmp_path: Path) -> None:
    other = tree(tmp_path / "an other folder, ünlike the first")
    take_times(one, other)
    become = someone_else(other)
    settings = {"PYTHONHASHSEED": "4711", "TZ": "Pacific/Kiritimati", "OMP_NUM_THREADS": "2", "HOME": str(other)}
    run(other, 2, settings | foreign_locale(tmp_path), become)
    assert (other / "results/claim.json").stat().st_uid == (OTHER_USER if become else os.getuid())

    assert digests(one) == digests(other)
    assert bytewise(one / "results", other / "results") == []
    locks = [yaml.safe_load((folder / "dvc.lock").read_text()) for folder in (one, other)]
    assert locks[0] == locks[1]
    assert len(digests(one)) > 10
    assert {path.name for path in (one / "results").iterdir()} >= {"correlations.csv", "claim.json", *CLOCK}

    subprocess.run(["git", "init", "-q"], cwd=one, check=True)
    again = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"],
        cwd=one,
        env={**os.environ, "PYTHONPATH": str(one), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Running stage" not in again.stdout
    assert yaml.safe_load((one / "dvc.lock").read_text()) == locks[0]


@pytest.mark.pipeline
@pytest.mark.skipif(not OTHER_PYTHON, reason="`make test-pythons` names another Python")
def test_the_same_bytes_under_another_python(one: Path, tmp_path: Path) -> None:
    other = tree(tmp_path / "other")
    take_times(one, other)
    run(other, 1, FIRST, python=OTHER_PYTHON)
    left, right = digests(one), digests(other)
    records = {name for name in left if name.endswith(RECORD)}
    pythons = {read_json(folder / name)["python"] for folder in (one, other) for name in records}
    assert len(pythons) == 2, "the other Python is the same"
    # where a part was made stands beside it, and so the Python
    assert {name for name in left.keys() | right.keys() if left.get(name) != right.get(name)} == records
    assert bytewise(one / "results", other / "results") == []
