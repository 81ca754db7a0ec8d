"""README shows the verdicts that the committed results give."""

from __future__ import annotations

import pytest

from benchmark import verdict
from tests.claim.profile import ROOT, committed


@pytest.mark.parametrize("profile", ["params.yaml", "pretrained/params.yaml"])
def test_the_verdict_in_the_readme_is_the_one_on_record(monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    monkeypatch.chdir(ROOT)
    said = verdict.run(committed(profile))
    assert said in (ROOT / "README.md").read_text(encoding="utf-8")
