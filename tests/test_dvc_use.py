"""DVC as people use it on this repository: an experiment, two revisions side by side, data that travels in a folder.

(A remote on S3 is in tests/rehearsal/test_rehearsal.py.) docs/reproducibility.md says what came out of each.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmark.agreement import bytewise
from tests.working_tree import copy_tracked

pytestmark = pytest.mark.slow


def run(root: Path, *command: str) -> str:
    """What `command` prints in `root`, with this Python first on the path."""
    settings = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(root),
        "DVC_NO_ANALYTICS": "1",
        "GIT_AUTHOR_NAME": "n",
        "GIT_AUTHOR_EMAIL": "e@x",
        "GIT_COMMITTER_NAME": "n",
        "GIT_COMMITTER_EMAIL": "e@x",
    }
    done = subprocess.run(
        command, cwd=root, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def dvc(root: Path, *arguments: str) -> str:
    return run(root, sys.executable, "-m", "dvc", *arguments)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this tree, with few permutations so that the claim takes seconds; DVC's data is not in it."""
    root = copy_tracked(tmp_path_factory.mktemp("tree") / "clone", without=("tests/", "docs/", "pretrained/", "paper/"))
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["claim"] |= {"permutations": 100, "bootstrap": 50, "splits": 10}
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    run(root, "git", "init", "-q", "-b", "main")
    run(root, "git", "add", "-A")
    run(root, "git", "commit", "-qm", "as it is")
    return root


@pytest.fixture(scope="module")
def experiment(clone: Path) -> Path:
    """The clone after an experiment under another bound, which needs the committed cells alone."""
    dvc(clone, "exp", "run", "--single-item", "--name", "looser", "--set-param", "claim.bound=0.4", "claim")
    return clone


def test_an_experiment_with_another_bound_needs_no_data(experiment: Path) -> None:
    assert not list((experiment / "data/quality").rglob("*.npz"))
    claim = json.loads((experiment / "results/claim.json").read_text())
    assert claim["bound"] == 0.4
    text = (experiment / "params.yaml").read_text()
    assert "bound: 0.4\n" in text


def test_experiments_are_shown_beside_their_base(experiment: Path) -> None:
    rows = {
        row["Experiment"] or row["rev"]: row
        for row in csv.DictReader(io.StringIO(dvc(experiment, "exp", "show", "--csv")))
    }
    looser = next(row for row in rows.values() if "looser" in row.values())
    assert looser["claim.bound"] == "0.4"
    assert looser["as_stated.verdict"] in ("reproduced", "refuted", "exceeded", "inconclusive")


def test_plots_and_metrics_compare_two_revisions(experiment: Path, tmp_path: Path) -> None:
    dvc(experiment, "plots", "diff", "main", "looser", "--out", str(tmp_path))
    page = (tmp_path / "index.html").read_text()
    assert page.count("looser") > 1
    changed = json.loads(dvc(experiment, "metrics", "diff", "main", "looser", "--json"))
    assert changed["results/metrics.json"]["as_stated.n_above_bound"]["diff"] < 0


def test_data_travels_through_a_folder(clone: Path, tmp_path: Path) -> None:
    dvc(clone, "repro", "--single-item", "code", "dataset")
    dvc(clone, "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    dvc(clone, "push")
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", str(clone), str(other)], check=True)
    (other / "dvc.lock").write_bytes((clone / "dvc.lock").read_bytes())
    dvc(other, "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    dvc(other, "pull", "dataset")
    assert bytewise(clone / "data/datasets", other / "data/datasets") == []
    assert list((other / "data/datasets").iterdir())
