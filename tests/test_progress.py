"""`benchmark.progress`: a log of a batch job gets lines of what takes long, and none of what does not."""

from __future__ import annotations

import re

import pytest

from benchmark import progress


def test_a_log_gets_what_takes_long_and_no_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress.progress_bar(8, "extract m", "prompt") as bar:
        bar.update(8)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress.progress_bar(8, "extract m", "prompt") as bar:
        bar.update(4)
        bar.update(4)
    lines = re.split(r"[\r\n]+", capsys.readouterr().err.strip())
    assert any(re.search(r"extract m: +50%.* 4/8 .*prompt", line) for line in lines)
    assert re.search(r"extract m: 100%.* 8/8 \[\d\d:\d\d<\d\d:\d\d, .*prompt/s\]", lines[-1])
