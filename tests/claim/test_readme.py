"""README shows the verdict that the committed results give."""

from __future__ import annotations

import pytest

from benchmark import verdict
from tests.claim.profile import ROOT, committed


def test_the_verdict_in_the_readme_is_the_one_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    said = verdict.run(committed("params.yaml"))
    assert said in (ROOT / "README.md").read_text(encoding="utf-8")
