"""The `timing` stage: what it measures, and what it leaves in results."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import benchmark.stages.timing as stage
import benchmark.timing.stage
from benchmark.errors import BenchmarkError
from benchmark.params import Params, load_params
from benchmark.storage import read_json
from benchmark.timing.history import ratios, read_history
from benchmark.timing.stage import LIMITS, measure, scoring_ways
from benchmark.timing.workload import ExtractionWork, Shape
from tests.report.synthetic import timing

TINY = Shape(layers=1, hidden=64, rows=2, tokens=16)
ROOT = Path(__file__).parents[2]


def test_timing_json_has_ratios_first_and_the_machine() -> None:
    content = measure(2, shape=TINY)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert next(iter(content)) == "ratios"
    assert content["limits"] == LIMITS
    assert "6 attention rules" in LIMITS["extraction_all_masks"]
    assert content["machine"]["cores"] >= 1
    assert content["machine"]["packages"]["torch"] == version("torch")  # without the build's name, as the lock has it
    assert list(content["ratios"]["over_limit"]) == list(LIMITS)
    found = dict(ratios(content["ratios"]))
    assert len(found) == 9
    for ratio in found.values():
        assert ratio["low"] <= ratio["median"] <= ratio["high"]
        assert ratio["n"] == 2
        assert min(ratio["median"], ratio["candidate_us"], ratio["baseline_us"]) > 0


def test_every_way_to_score_computes_what_it_says() -> None:
    ways = scoring_ways(ExtractionWork(TINY, torch.float32))
    ours, unshared, limit = (np.asarray(ways[name]()) for name in ("ours", "unshared", "limit"))
    np.testing.assert_allclose(ours, unshared, atol=1e-4)
    assert ours.shape == limit.shape
    assert not np.allclose(ours, limit, atol=1e-4), "the limit computes as many tokens, but without the demonstration"


@pytest.fixture
def params(tmp_path: Path) -> Params:
    loaded = load_params(ROOT / "params.yaml")
    return loaded.model_copy(update={"paths": loaded.paths.model_copy(update={"results": str(tmp_path)})})


def test_the_stage_appends_a_commit_and_replaces_its_own(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    now: dict[str, Any] = {"revision": "1" * 40, "dirty": []}
    monkeypatch.setattr("benchmark.provenance.revision", lambda: now)
    for ours, digit in ((1.1, "1"), (1.2, "2"), (1.3, "2")):
        now["revision"] = digit * 40
        monkeypatch.setattr(benchmark.timing.stage, "measure", lambda *_, ours=ours, **__: timing(ours))
        stage.run(params)
        assert read_json(params.results / "timing.json") == timing(ours)
    table = read_history(params.results / "timing_history.csv")
    found = table[table["ratio"] == "over_limit.scoring.ours"]
    assert dict(zip(found["commit"], found["median"], strict=True)) == {"1" * 10: 1.1, "2" * 10: 1.3}
    assert found["date"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()


def test_a_damaged_history_stops_the_stage_before_it_measures(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    path = params.results / "timing_history.csv"
    path.write_text("<<<<<<< HEAD\n")
    monkeypatch.setattr(benchmark.timing.stage, "measure", lambda *_, **__: pytest.fail("measured"))
    with pytest.raises(BenchmarkError, match=r"timing_history.csv is damaged"):
        stage.run(params)
    assert path.read_text() == "<<<<<<< HEAD\n"
    assert not (params.results / "timing.json").exists()
