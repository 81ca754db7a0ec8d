"""Each committed attestation is whole, of a revision of this repository, and about the results of that revision."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from benchmark.analysis.parameters import CLAIMS
from benchmark.attestations import FOLDER, Attestation, read
from benchmark.hashing import sha256
from tests.claim.profile import ROOT

COMMITTED = read(ROOT / FOLDER)
ATTESTATIONS = [pytest.param(found, id=found.name) for found in COMMITTED]


def at(revision: str, path: str) -> bytes:
    """A file as it was in a revision; the test is skipped where git does not have it."""
    command = ["git", "-C", str(ROOT), "show", f"{revision}:{path}"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"git does not have {revision[:10]} here: {done.stderr.decode().strip()}")
    return done.stdout


def profile_folder(found: Attestation) -> Path:
    return Path() if found.profile == "embedded" else Path(found.profile)


@pytest.mark.parametrize("found", ATTESTATIONS)
def test_the_lock_is_that_of_the_revision(found: Attestation) -> None:
    assert sha256(at(found.revision, found.lock.file)) == found.lock.sha256


@pytest.mark.parametrize("found", ATTESTATIONS)
def test_where_it_says_that_verdicts_agree_they_are_those_of_the_revision(found: Attestation) -> None:
    claim = json.loads(at(found.revision, (profile_folder(found) / "results/claim.json").as_posix()))
    recorded = {name: {of: family[of]["verdict"] for of in CLAIMS} for name, family in claim["families"].items()}
    assert (found.verdicts == recorded) == found.agreement.same_verdicts


def test_the_page_shows_no_attestation_that_is_not_here() -> None:
    for page in [ROOT / "results/report.html", *ROOT.glob("*/results/report.html")]:
        text = page.read_text(encoding="utf-8")
        section = text.partition('<h2 id="rerun">')[2].partition("<h2 ")[0]
        shown = section.count("<tr>") - section.count("<thead>")
        profile = "embedded" if page.parent.parent == ROOT else page.parent.parent.name
        assert shown <= sum(found.profile == profile for found in COMMITTED)
