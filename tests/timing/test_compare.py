"""`benchmark.timing.compare`: the rule, the worktree and the protocol between processes. No time is asserted here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
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


def ask(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    compare._say(process, name)
    return compare._hear(process)


class Script:
    """Stands in for `compare`: the ratios of each call in turn."""

    def __init__(self, *calls: dict[str, Ratio | str]) -> None:
        self.calls, self.slower = list(calls), list[float]()

    def __call__(self, *_: object, slower: float = 0.0, **__: object) -> compare.Comparison:
        self.slower.append(slower)
        return compare.Comparison(self.calls.pop(0))


QUIET, SLOW = ratio(1.01, 0.98), ratio(1.2, 1.15)


@pytest.mark.parametrize(
    ("calls", "failures"),
    [
        ([QUIET, QUIET, SLOW], []),
        ([QUIET, SLOW, SLOW], ["work of 2 was called slower"]),
        ([QUIET, QUIET, QUIET], ["work of +20% was missed"]),
        ([QUIET, "no such module", SLOW], ["work of 2 was not compared"]),
    ],
)
def test_the_self_check_wants_quiet_but_for_what_was_planted(
    calls: list[Ratio | str], failures: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = Script(*({"work": call} for call in calls))
    monkeypatch.setattr(compare, "compare", script)
    assert compare.check_itself(Path(), Path(), 2, 1.1, compare.Plan(("work",))) == failures
    assert script.slower == [0.0, 0.0, compare.PLANTED]
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["comparison", "1", "2", "+20%"]
    assert said[1].endswith("quiet")


def test_a_comparison_names_what_became_slower_and_marks_what_did_so_a_little(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found: dict[str, Ratio | str] = {
        "good": QUIET,
        "bad": SLOW,
        "worse": ratio(1.058, 1.052),
        "new": "the base: no such module",
    }
    assert compare.report(compare.Comparison(found), 1.1) == ["bad"]
    head, good, bad, worse, new = capsys.readouterr().out.splitlines()
    assert "threshold 1.1" in head
    assert "slower" not in good.lower()
    assert bad.endswith("SLOWER")
    assert worse.endswith("slower, under the threshold")
    assert new.endswith("not compared: the base: no such module")


def test_a_comparison_says_what_is_over_the_limit_and_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    found = compare.Comparison({"extraction": QUIET}, {"extraction": ratio(4.5, 4.4)}, {"extraction": 2e-6})
    assert compare.report(found, 1.1) == []
    _, _, limit, difference = capsys.readouterr().out.splitlines()
    assert limit.split() == ["over", "bare", "4.500", "4.400", "to", "4.600"]
    assert difference.split() == ["differs", "by", "2e-06", "at", "most"]


def test_a_difference_is_relative_above_one() -> None:
    before = np.array([[0.5, 10.0, np.nan]])
    assert compare._difference(before + np.array([[0.01, 0.2, 0.0]]), before) == pytest.approx(0.02)
    assert compare._difference(before[0], before) == np.inf
    assert np.isnan(compare._difference(np.array([[0.5, np.nan, np.nan]]), before)), "only one side is undefined"


def test_a_planted_slowdown_is_that_of_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 1e-4
        return now[0]

    def work() -> None:
        now[0] += 1.0

    monkeypatch.setattr("time.process_time", clock)
    assert worker._seconds(worker._slowed(work, 0.2), 5) == pytest.approx(1.2, abs=0.005)
    assert worker._seconds(work, 5) == pytest.approx(1.0, abs=0.005)


@pytest.mark.slow
def test_a_worker_answers_with_seconds_or_with_the_reason(tmp_path: Path) -> None:
    """The workloads that need no model, and one whose inputs are missing."""
    command = [sys.executable, "-P", worker.__file__, str(tmp_path), "0.0"]
    with compare._worker(compare.ROOT, tmp_path) as process:
        assert process.args == command
        for name in ("statistics", "correlation"):
            answer = ask(process, name)
            assert answer.get("seconds", 0) > 0, answer
        assert "BenchmarkError" in ask(process, "scoring")["error"]
        process.kill()
        assert "ended" in ask(process, "statistics")["error"]
