"""The committed page is of the committed results: of this claim, and of the calibration, on which no stage depends."""

from __future__ import annotations

import html
import re

import pytest

from benchmark.report.results import read_results
from benchmark.report.tables import BUILDERS
from benchmark.stages.report import CALIBRATION
from benchmark.storage import read_json
from tests.claim.profile import ROOT, committed

REMEDY = "the page is of other results: run `dvc repro --single-item --force report`"


@pytest.mark.parametrize("profile", ["params.yaml", "pretrained/params.yaml", "paper/params.yaml"])
def test_the_page_shows_the_committed_claim_and_calibration(profile: str) -> None:
    results = ROOT / committed(profile).results
    page = (results / "report.html").read_text(encoding="utf-8")
    words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
    claim = read_json(results / "claim.json")
    for shown in (claim["sentence"], claim["fingerprint"], *claim["digests"].values()):
        assert shown in words, REMEDY
    calibration = BUILDERS["calibration"](read_results(results, ROOT / CALIBRATION))
    assert calibration is not None
    for row in calibration.rows:
        assert " ".join(" ".join(row).split()) in words, REMEDY
