"""How long the verdict of the embedded profile takes, from the committed cells alone and without torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.params import load_params
from tests.claim.profile import ROOT, spoilable

pytestmark = [pytest.mark.slow, pytest.mark.bench]

SECONDS = 20


def test_the_claim_takes_less_than_twenty_seconds_and_no_torch(tmp_path: Path) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    spoilable(load_params(ROOT / "params.yaml"), tmp_path / "results")
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "torch.py").write_text("raise ImportError('there is no torch')")
    path = os.pathsep.join((str(tmp_path / "without"), str(ROOT)))
    written = (tmp_path / "results" / "claim.json").stat().st_mtime_ns
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "benchmark", "claim"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, check=True
    )
    seconds = time.perf_counter() - start
    assert (tmp_path / "results" / "claim.json").stat().st_mtime_ns > written
    print(f"\nthe claim of the embedded profile: {seconds:.1f} s")
    assert seconds < SECONDS
