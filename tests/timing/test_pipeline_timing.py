"""What DVC itself takes of a run of the embedded pipeline: the stages' commands do nothing here."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.working_tree import copy_tracked

pytestmark = [pytest.mark.slow, pytest.mark.bench]

SECONDS = 15
"""The processor's, for a run of all stages."""


def idle_pipeline(root: Path) -> Path:
    """A copy of this tree whose stages find their outs there, and do nothing."""
    copy_tracked(root, without=("tests/", "docs/", "paper/", "pretrained/"))
    (root / "dvc.lock").unlink()
    content = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))
    models = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))["models"]
    for stage in content["stages"].values():
        stage["cmd"] = "true" + (" ${item.model}" if "matrix" in stage else "")
        outs = [path for kind in ("outs", "metrics") for entry in stage.get(kind, ()) for path in entry]
        for path in (root / out.replace("${item.model}", model) for out in outs for model in models):
            if not path.exists():
                (path / "empty").mkdir(parents=True) if not path.suffix else path.touch()
    (root / "dvc.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def processor_seconds(root: Path, *arguments: str) -> float:
    """Of `dvc repro` and all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(root), "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "dvc", "repro", "-q", *arguments]
    subprocess.run(command, cwd=root, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_dvcs_own_processor_time(benchmark: Any, tmp_path: Path) -> None:
    root = idle_pipeline(tmp_path / "tree")
    told = benchmark.extra_info
    told["all stages, s"] = benchmark.pedantic(processor_seconds, args=(root, "--force"), rounds=1)
    told["nothing to do, s"] = processor_seconds(root)
    told["dvc.lock, lines"] = len((root / "dvc.lock").read_text(encoding="utf-8").splitlines())
    assert told["all stages, s"] < SECONDS
    assert told["nothing to do, s"] < told["all stages, s"]
