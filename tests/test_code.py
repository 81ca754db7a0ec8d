"""The stage `code`: what each other stage depends on, and what changed since."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.dependencies import ROOT, code_of
from benchmark.hashing import sha256_file
from benchmark.params import Params, load_params
from benchmark.stages import code
from benchmark.stages.stage import stages
from benchmark.storage import read_json, write_json


@pytest.fixture
def params(tmp_path: Path) -> Params:
    committed = load_params(ROOT / "params.yaml")
    params = committed.model_copy(
        update={"paths": committed.paths.model_copy(update={"data": str(tmp_path / "data")})},
    )
    code.run(params)
    return params


def test_every_other_stage_has_a_file_and_reads_it(params: Params) -> None:
    others = [stage for stage in stages().values() if stage.name != "code"]
    assert {path.name for path in code.folder(params).iterdir()} == {f"{stage.name}.json" for stage in others}
    for stage in others:
        path = f"{params.data}/code/{stage.name}.json"
        assert path in [stage.named(name, params, "") for name in stage.inputs]
        recorded = read_json(Path(path))
        assert list(recorded) == code_of(stage.name, params)
        assert all(sha256_file(ROOT / name) == value for name, value in recorded.items())


def test_again_it_writes_the_same_bytes_and_forgets_a_stage_that_is_no_more(params: Params) -> None:
    def content() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in code.folder(params).iterdir()}

    before = content()
    write_json(code.folder(params) / "gone.json", {})
    code.run(params)
    assert content() == before


def test_a_change_is_named_with_the_stages_that_it_touches(params: Params) -> None:
    assert code.changed(params) == []
    for name in ("quality", "select"):
        path = code.folder(params) / f"{name}.json"
        write_json(path, read_json(path) | {"benchmark/seeds.py": "another", "benchmark/gone.py": "deleted"})
    assert code.changed(params) == ["benchmark/gone.py (quality, select)", "benchmark/seeds.py (quality, select)"]


def test_an_entry_that_no_profile_names_is_in_no_file(params: Params) -> None:
    """Its masks named less: the mask's file is in none, so that adding it changed nothing."""
    mask = "benchmark/activations/masks/no_sink.py"
    assert mask in read_json(code.folder(params) / "extract.json")
    fewer = tuple(name for name in params.extraction.masks if name != "no_sink")
    code.run(params.model_copy(update={"extraction": params.extraction.model_copy(update={"masks": fewer})}))
    assert mask not in read_json(code.folder(params) / "extract.json")
