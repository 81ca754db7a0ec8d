"""The stage from text to scores, with a tiny model that has random weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.artefacts.dictionaries import read_dictionaries
from benchmark.artefacts.features import FeatureScores
from benchmark.artefacts.texts import write_texts
from benchmark.errors import BenchmarkError
from benchmark.models.loading import LoadedModel
from benchmark.params import Params, load_params
from benchmark.parts import Arrays, compute_parts
from benchmark.sae.autoencoder import Autoencoder
from benchmark.stages import sae
from benchmark.storage import write_json
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example

ROOT = Path(__file__).parents[2]
MODEL = "tiny_llama"
SMALL = {"tokens": 1500, "held_out": 200, "width": 24, "active": 3, "epochs": 1, "batch": 64, "token_budget": 256}
WORDS = ("cat", "river", "of", "seven", "blue", "stone", "to")


def example(draw: np.random.Generator, name: str) -> Example:
    text = " ".join(draw.choice(WORDS, draw.integers(2, 8)))
    return Example(f"{name} {text}:", " yes", references=("yes",), id=name)


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, llama: LoadedModel) -> Params:
    """Two datasets of ten candidates, with sixty texts left over, in a folder that the test is in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBS", "1")
    monkeypatch.setattr("benchmark.stages.computing.load", lambda *_: llama)
    draw = np.random.default_rng(0)
    for name in ("one", "two"):
        pool, queries = (
            tuple(example(draw, f"{name}-{part}{i}") for i in range(count)) for part, count in (("c", 10), ("q", 3))
        )
        Dataset(name, "generative", "exact_match", "\n", "\n", 4, pool, queries).write(Path("data/datasets", name))
        write_texts(Path("data/text", f"{name}.jsonl"), (example(draw, f"t{i}") for i in range(60)))
    write_json(Path("data/models", MODEL, "manifest.json"), {"name": MODEL, "path": None})
    return changed(load_params(ROOT / "params.yaml"))


def changed(params: Params, **changes: Any) -> Params:
    content = params.model_dump()
    entry = next(iter(content["datasets"].values()))
    content["datasets"] = {"one": entry, "two": entry}
    for section in content["sae"]["models"].values():
        section |= SMALL | {"shard": 25} | changes
    return Params.model_validate(content)


def contents() -> dict[str, bytes]:
    """The files of both outs."""
    files = [path for out in ("sae", "features") for path in Path("data", out, MODEL).rglob("*") if path.is_file()]
    return {path.relative_to("data").as_posix(): path.read_bytes() for path in files}


def removed() -> None:
    for out in ("sae", "features"):
        shutil.rmtree(Path("data", out))


def test_it_writes_dictionaries_how_good_they_are_and_the_scores_of_every_pool(params: Params) -> None:
    sae.run(params, MODEL)
    parts = [
        (f"sae/{MODEL}", ("mlp_output.safetensors", "residual.safetensors", "dictionaries.csv")),
        *((f"features/{MODEL}/{name}", ("features.npz",)) for name in ("one", "two")),
    ]
    made = ("key.json", "record.json")
    assert set(contents()) == {f"{part}/{name}" for part, names in parts for name in (*names, *made)}
    table = read_dictionaries(Path("data/sae", MODEL, "dictionaries.csv"))
    assert table["site"].tolist() == ["mlp_output", "residual"]
    assert (table["tokens"] >= 1500).all()
    assert (table["tokens"] < 1500 + 60).all()  # the text that reaches the number is read to its end
    assert (table["held_out"].between(200, 260)).all()
    assert table["unexplained"].between(0, 1).all()
    assert table["l0"].between(1, 6).all()
    assert np.isfinite(table["recovered"]).all()  # of random weights it can be anything
    for name in ("one", "two"):
        scores = FeatureScores.read(Path("data/features", MODEL, name, "features.npz"))
        assert scores.candidates.tolist() == [f"{name}-c{i}" for i in range(10)]
        assert np.isfinite(scores.scores).all()
    assert Autoencoder.read(Path("data/sae", MODEL, "residual.safetensors")).width == 24
    assert not list(Path(".work").rglob("*.safetensors"))  # no checkpoint is left


def test_any_number_of_workers_gives_the_same_bytes(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    sae.run(params, MODEL)
    whole = contents()
    removed()
    monkeypatch.setenv("JOBS", "2")
    sae.run(params, MODEL)
    assert contents() == whole


def test_a_run_that_was_killed_reads_nothing_twice(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    sae.run(params, MODEL)
    whole = contents()
    removed()
    train, read = sae.Dictionaries.train, sae.Dictionaries.read

    def killed(*_: Any) -> Arrays:
        raise KeyboardInterrupt

    monkeypatch.setattr(sae.Dictionaries, "train", killed)
    with pytest.raises(KeyboardInterrupt):
        sae.run(params, MODEL)
    monkeypatch.setattr(sae.Dictionaries, "train", train)
    monkeypatch.setattr(sae.Dictionaries, "read", lambda *_: pytest.fail("activations are read again"))
    sae.run(params, MODEL)
    assert contents() == whole
    monkeypatch.setattr(sae.Dictionaries, "read", read)


def test_dictionaries_that_are_there_are_not_trained_again(
    params: Params, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A clone on another processor has them from git, and computes the features with them alone."""
    sae.run(params, MODEL)
    whole = contents()
    shutil.rmtree("data/features")
    monkeypatch.setattr(sae.Dictionaries, "compute", lambda *_: pytest.fail("a dictionary is trained again"))
    sae.run(params, MODEL)
    assert contents() == whole
    path = Path("data/sae", MODEL, "residual.safetensors")
    path.write_bytes(path.read_bytes()[:-1] + b"x")  # what is not whole is not used
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        sae.run(params, MODEL)
    assert "it is not whole" in caplog.text


def test_candidates_and_queries_teach_it_nothing(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    ids = sae.Dictionaries.ids

    def noted(self: sae.Dictionaries, loaded: LoadedModel, texts: list[str]) -> Any:
        seen.extend(texts)
        return ids(self, loaded, texts)

    monkeypatch.setattr(sae.Dictionaries, "ids", noted)
    sae.run(params, MODEL)
    assert seen
    assert not [text for text in seen if "-c" in text or "-q" in text]


def test_what_is_held_out_is_not_trained_on(params: Params) -> None:
    work = sae.Dictionaries(params, MODEL)
    lengths = np.full(len(work.texts), 20)
    held_out, last = work.split(lengths)
    assert (held_out, last) == (10, 85)  # 200 tokens, then 1,500


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([150, 60, 1000, 600, 9], (2, 4)), ([150, 60, 30], (2, 3)), ([100], (1, 1)), ([200, 1500], (1, 2))],
)
def test_the_split_takes_whole_texts(params: Params, lengths: list[int], expected: tuple[int, int]) -> None:
    assert sae.Dictionaries(params, MODEL).split(np.array(lengths)) == expected


def test_fewer_tokens_than_asked_are_said_and_recorded(params: Params, caplog: pytest.LogCaptureFixture) -> None:
    sae.run(changed(params, tokens=10**6), MODEL)
    (said,) = (record.message for record in caplog.records)
    assert said.startswith("sae tiny_llama: the text that is left over has ")
    assert said.endswith("of the 1000200 asked for: trained on what there is")
    table = read_dictionaries(Path("data/sae", MODEL, "dictionaries.csv"))
    assert (table["tokens"] < table["tokens_asked"]).all()


def test_no_text_or_too_little_is_one_line(params: Params) -> None:
    with pytest.raises(
        BenchmarkError, match=r"has \d+ tokens, and 100000 of them are held out: lower held_out, or pool"
    ):
        sae.run(changed(params, held_out=100000), MODEL)
    for path in Path("data/text").iterdir():
        path.write_text("")
    with pytest.raises(BenchmarkError, match="no text is left over: every row is a candidate or a query; lower pool"):
        sae.run(params, MODEL)
    assert not Path("data/sae").exists()


def test_features_that_are_all_dead_are_one_line(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    train = sae.Dictionaries.train

    def dead(self: sae.Dictionaries, *arguments: Any) -> Arrays:
        found: dict[str, NDArray[Any]] = train(self, *arguments)
        return found | {"threshold": np.array(np.inf, dtype=np.float32)}

    monkeypatch.setattr(sae.Dictionaries, "train", dead)
    with pytest.raises(
        BenchmarkError, match=r"every feature of the mlp_output dictionary is dead: lower sae\.models\.tiny"
    ):
        sae.run(params, MODEL)


def test_another_setting_computes_it_again_and_the_same_does_not(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    sae.run(params, MODEL)
    monkeypatch.setattr("benchmark.stages.computing.load", lambda *_: pytest.fail("a model is loaded"))
    compute_parts(sae.Dictionaries(params, MODEL))
    monkeypatch.undo()
