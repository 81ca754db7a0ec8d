"""How long the verdict of the embedded profile takes, from the committed cells alone and without torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmark.params import load_params
from tests.claim.profile import ROOT, spoilable

pytestmark = [pytest.mark.slow, pytest.mark.bench]

SECONDS = 20


def test_the_claim_takes_less_than_twenty_seconds_and_no_torch(benchmark: Any, tmp_path: Path) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    spoilable(load_params(ROOT / "params.yaml"), tmp_path / "results")
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "torch.py").write_text("raise ImportError('there is no torch')")
    path = os.pathsep.join((str(tmp_path / "without"), str(ROOT)))
    written = (tmp_path / "results" / "claim.json").stat().st_mtime_ns
    command = [sys.executable, "-m", "benchmark", "claim"]
    told = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": path}, "check": True}
    benchmark.pedantic(subprocess.run, args=(command,), kwargs=told, rounds=1)
    seconds = benchmark.extra_info["seconds"] = benchmark.stats.stats.total
    assert (tmp_path / "results" / "claim.json").stat().st_mtime_ns > written
    assert seconds < SECONDS
