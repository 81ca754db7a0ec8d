from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmark import progress
from benchmark.shards import compute_shards


def work(folder: Path, fail_at: int = 99) -> None:
    def compute(part: range) -> dict[str, np.ndarray]:
        if part.start >= fail_at:
            raise KeyboardInterrupt
        return {"x": np.array(part)}

    compute_shards(8, 2, compute, folder, {"p": 1}, "extract m-d")


def test_a_log_gets_what_takes_long_and_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work(tmp_path / "short")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with pytest.raises(KeyboardInterrupt):
        work(tmp_path / "long", fail_at=4)
    assert re.search(r"extract m-d: +50%.* 4/8 .*candidate", capsys.readouterr().err)
    work(tmp_path / "long")
    last = re.split(r"[\r\n]+", capsys.readouterr().err.strip())[-1]
    assert re.search(r"extract m-d: 100%.* 8/8 \[\d\d:\d\d<\d\d:\d\d, .*candidate/s, resumed=4\]", last)
