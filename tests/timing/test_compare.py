"""`benchmark.timing.compare`: the rule, the worktree and the protocol between processes. No time is asserted here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.timing import compare, worker
from benchmark.timing.interleave import Ratio

HEAD = ["git", "-C", str(compare.ROOT), "rev-parse", "HEAD"]


def ratio(median: float, low: float) -> Ratio:
    return Ratio(median, low, median * 2 - low, 1.0, 1.0, 10)


def test_a_regression_is_larger_than_the_threshold_and_sure() -> None:
    assert compare.regression(ratio(1.2, 1.1), 1.1)
    assert not compare.regression(ratio(1.2, 0.9), 1.1), "it may be noise"
    assert not compare.regression(ratio(1.05, 1.04), 1.1), "it is sure, but small"


@pytest.mark.skipif(subprocess.run(HEAD, capture_output=True, check=False).returncode != 0, reason="no git repository")
def test_a_worktree_holds_the_revision_and_is_gone_afterwards() -> None:
    head = subprocess.run(HEAD, capture_output=True, text=True, check=True).stdout
    with compare.worktree("HEAD") as tree:
        found = subprocess.run(
            ["git", "-C", str(tree), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        assert found.stdout == head
        assert (tree / "benchmark/__init__.py").is_file()
    assert not tree.exists()
    listed = subprocess.run([*HEAD[:3], "worktree", "list"], capture_output=True, text=True, check=True).stdout
    assert str(tree) not in listed


def test_an_unknown_revision_is_named() -> None:
    with (
        pytest.raises(BenchmarkError, match="'no-such-revision' cannot be checked out"),
        compare.worktree("no-such-revision"),
    ):
        pass


@pytest.mark.slow
def test_a_worker_answers_with_seconds_or_with_the_reason(tmp_path: Path) -> None:
    """The workloads that need no model, and one whose inputs are missing."""
    command = [sys.executable, "-P", worker.__file__, str(tmp_path)]
    with compare._worker(compare.ROOT, tmp_path) as process:
        assert process.args == command
        for name in ("statistics", "correlation"):
            answer = compare._ask(process, name)
            assert answer.get("seconds", 0) > 0, answer
        assert "BenchmarkError" in compare._ask(process, "scoring")["error"]
        process.kill()
        assert "ended" in compare._ask(process, "statistics")["error"]
