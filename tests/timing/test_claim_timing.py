"""How long the verdicts of the embedded profile and a large null take, and how much memory; and that neither needs
torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmark.timing.claim import TASKS, measure
from tests.claim.profile import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.bench]


@pytest.mark.parametrize("task", TASKS)
def test_a_verdict_and_a_large_null_take_less_than_they_may(benchmark: Any, task: str) -> None:
    found = benchmark.pedantic(measure, args=(task,), rounds=1)
    benchmark.extra_info.update({"seconds": found.seconds, "peak, GB": found.peak / 1e9})
    assert found.seconds < TASKS[task].aim.seconds
    assert found.peak < TASKS[task].aim.peak


def test_the_verdict_needs_no_torch(benchmark: Any, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('there is no torch')")
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    command = [sys.executable, "-c", "from benchmark.timing.claim import verdicts; verdicts()"]
    told = {"cwd": ROOT, "env": {**os.environ, "PYTHONPATH": path}, "check": True}
    benchmark.pedantic(subprocess.run, args=(command,), kwargs=told, rounds=1)
