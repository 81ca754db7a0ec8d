"""What README and docs say of results is what the committed result files have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark.prose.documents import current, documents, stale, unmarked
from tests.claim.profile import ROOT

SECTIONS = [
    ("README.md", "Do MLP activations tell a good in-context example?"),
    ("README.md", "What comes out"),
    ("docs/pretrained.md", "What came out"),
    ("docs/performance.md", "On a GPU"),
    ("docs/report.md", "[Re] Activation-based active learning for in-context learning"),
]
"""Where every decimal number is a result, and so must say which file it comes from."""
GIVEN = {"0.33", "2606.05134", "3.11", "3.12", "3.13"}
"""The bound, which the claim sets; the paper's number; versions of Python."""


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("path", [path.relative_to(ROOT).as_posix() for path in documents(ROOT)])
def test_a_document_says_what_the_result_files_have(path: str) -> None:
    problems = [f"{path}:{problem}" for problem in stale(Path(path).read_text(encoding="utf-8"))]
    assert not problems, "\n".join([*problems, "`python -m benchmark prose --write` puts the right numbers in"])


@pytest.mark.parametrize(("path", "heading"), SECTIONS)
def test_no_number_of_a_result_stands_without_its_source(path: str, heading: str) -> None:
    text = Path(path).read_text(encoding="utf-8")
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"{path} has no section {heading!r}"
    assert set(unmarked(section[1])) <= GIVEN


def test_both_verdicts_are_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for profile in ("params.yaml", "pretrained/params.yaml"):
        assert f"<!-- verdict {profile} -->" in text


def test_a_number_that_is_edited_by_hand_is_found() -> None:
    text = (ROOT / "docs/report.md").read_text(encoding="utf-8")
    edited = re.sub(r"\b0\.\d{3}\b", "0.999", text, count=1)
    assert list(stale(edited))
    assert current(edited) == current(text)
