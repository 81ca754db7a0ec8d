"""Every command of docs/performance.md that picks cases of `make bench` picks some."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/performance.md"


@pytest.mark.slow
def test_the_cases_that_the_page_names_are_there() -> None:
    commands = re.findall(r"CASES=(?:\"([^\"]+)\"|(\w+))", PAGE.read_text(encoding="utf-8"))
    named = {quoted or plain for quoted, plain in commands}
    assert len(named) > 5
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/timing", "--collect-only"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    cases = [line.lower() for line in listed.stdout.splitlines() if "::" in line]
    for expression in named:
        picks = Expression.compile(expression)

        def named_so(case: str, picks: Expression = picks) -> bool:
            def holds(name: str, /, **_: str | int | bool | None) -> bool:
                return name.lower() in case

            return picks.evaluate(holds)

        assert any(map(named_so, cases)), expression
