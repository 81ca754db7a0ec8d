"""`attest` tells the parts that were computed in this folder from those that came with it."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmark import provenance
from benchmark.commands.attest import make, parts
from benchmark.errors import BenchmarkError
from benchmark.parts import KEY, MADE, RECORD
from benchmark.storage import write_json

PARAMS: Any = SimpleNamespace(data=Path("data"), results=Path("results"), profile="embedded")


def part(kind: str, dataset: str, device: str, here: bool) -> Path:
    folder = Path("data") / kind / "m" / dataset
    write_json(folder / KEY, {"code": dataset, "files": {}})
    write_json(folder / RECORD, {"device": device})
    if here:
        (MADE / folder).mkdir(parents=True)
        shutil.copy(folder / KEY, MADE / folder / KEY)
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_parts_are_counted_by_where_they_were_computed() -> None:
    part("quality", "a", "this processor", here=True)
    part("quality", "b", "a card", here=False)
    part("quality", "c", "a card", here=False)
    part("activations", "a", "this processor", here=False)
    changed = part("planted", "a", "this processor", here=True)
    write_json(changed / KEY, {"code": "pulled since", "files": {}})
    assert parts(PARAMS) == {
        "activations": {"this processor": 1},
        "planted": {"this processor": 1},
        "quality": {"a card": 2, "here": 1},
    }


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        ({"revision": None, "dirty": []}, "has no git"),
        ({"revision": "0" * 40, "dirty": ["benchmark/seeds.py"]}, r"benchmark/seeds\.py differs from the revision"),
    ],
)
def test_it_is_about_a_revision_as_it_is(monkeypatch: pytest.MonkeyPatch, revision: dict[str, Any], said: str) -> None:
    monkeypatch.setattr(provenance, "revision", lambda: revision)
    with pytest.raises(BenchmarkError, match=said):
        make(PARAMS, Path("params.yaml"))
