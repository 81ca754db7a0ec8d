"""`benchmark.attestations`: what a file says, and that an edited one is noticed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.attestations import Attestation, read, write
from benchmark.errors import BenchmarkError
from benchmark.report.attested import attested

VALID: dict[str, Any] = {
    "version": 1,
    "profile": "pretrained",
    "date": "2026-11-27",
    "revision": "0" * 40,
    "machine": {"system": "Linux x86_64", "cpu": "A", "cores": 2, "gpus": ["B"], "python": "3.11.7"},
    "lock": {"file": "requirements/cpu.lock", "sha256": "1" * 64, "differences": []},
    "parts": {"activations": {"here": 14}, "quality": {"NVIDIA H200": 14}},
    "verdicts": {"paper": {"as_stated": "exceeded", "given_target": "exceeded"}},
    "agreement": {
        "files": 3, "largest": 0.0031, "where": "claim.json.rho", "beyond": 0, "tolerance": 0.01, "same_verdicts": True
    },
}  # fmt: skip


def attestation(**changes: Any) -> Attestation:
    return Attestation.model_validate({**VALID, **changes})


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({"quality": {"here": 3}, "activations": {"here": 3}}, "rerun"),
        ({"quality": {"here": 1, "NVIDIA H200": 2}}, "rerun in part"),
        ({"quality": {"NVIDIA H200": 2}}, "recomputed"),
        ({}, "recomputed"),
    ],
)
def test_what_was_run_decides_what_it_is_called(parts: dict[str, dict[str, int]], kind: str) -> None:
    assert attestation(parts=parts).kind == kind


def test_it_is_read_as_it_was_written_the_oldest_first(tmp_path: Path) -> None:
    made = [attestation(date=date) for date in ("2026-12-01", "2026-11-30")]
    paths = [write(each, tmp_path) for each in made]
    assert re.fullmatch(r"2026-12-01-[0-9a-f]{10}\.json", paths[0].name)
    assert read(tmp_path) == made[::-1]
    assert read(tmp_path / "none") == []


def edit_a_number(content: dict[str, Any]) -> None:
    content["agreement"]["largest"] = 0.0001


def leave_out(content: dict[str, Any]) -> None:
    del content["lock"]


def add(content: dict[str, Any]) -> None:
    content["remark"] = "all is well"


def another_revision(content: dict[str, Any]) -> None:
    content["revision"] = "main"


def the_same_bytes_that_differ(content: dict[str, Any]) -> None:
    content["agreement"]["files"] = 0


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (edit_a_number, "was edited or renamed"),
        (leave_out, "lock: Field required"),
        (add, "remark"),
        (another_revision, "revision: String should match"),
        (the_same_bytes_that_differ, "the same bytes cannot differ"),
    ],
)
def test_what_is_none_is_refused_by_name(tmp_path: Path, edit: Callable[[dict[str, Any]], None], said: str) -> None:
    path = write(attestation(), tmp_path)
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    with pytest.raises(BenchmarkError, match=re.escape(said)) as refusal:
        read(tmp_path)
    assert str(refusal.value).startswith(str(path))


def test_the_table_has_a_row_for_each_of_its_profile() -> None:
    other = attestation(profile="embedded")
    same = {**VALID["agreement"], "files": 0, "largest": None, "where": None}
    found = attested([attestation(), other, attestation(parts={"quality": {"here": 1}}, agreement=same)], "pretrained")
    assert found is not None
    first, second = found.rows
    assert first == (
        "2026-11-27", "rerun in part", "A, B", "quality: NVIDIA H200", "cpu.lock 11111111", "0" * 10,
        "the same verdicts, largest difference 0.0031",
    )  # fmt: skip
    assert second[1:4] == ("rerun", "A, B", "–")
    assert second[-1] == "the same bytes"
    assert attested([other], "pretrained") is None
