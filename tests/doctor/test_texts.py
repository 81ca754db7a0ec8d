"""Gold answers and prompts are counted by the tokens of the model that is asked, before it is."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from benchmark.doctor.finding import State
from benchmark.doctor.texts import check_texts
from benchmark.params import Params, load_params
from benchmark.stages import dataset, model
from tests.hub_server.models import write_model

ROOT = Path(__file__).parents[2]
ANSWER = "Xqvbjwk"  # one word, and several tokens


def profile(folder: Path, context: int, limit: int) -> Params:
    """The embedded profile with one local model and one dataset of 30 questions, whose stages ran."""
    rows = [{"question": f"Where is {index}?", "answer": ANSWER if index % 2 else "yes"} for index in range(30)]
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_model(folder / "llama", "llama", max_position_embeddings=context)
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["paths"] |= {"data": str(folder / "data"), "results": str(folder / "results")}
    content["models"] = {"mine": {"source": "local", "path": str(folder / "llama")}}
    content["selection"]["rounds"]["models"] = []
    content["datasets"] = {
        "rows": {
            "source": "local",
            "template": "question_answer",
            "pool_files": [str(folder / "rows.jsonl")],
            "pool": 20,
            "queries": 10,
            "max_new_tokens": limit,
        }
    }
    content["sae"] = content["sae"] | {"models": {}}
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    params = load_params(path)
    dataset.run(params)
    model.run(params, "mine")
    return params


def test_answers_and_prompts_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    (found,) = check_texts(profile(tmp_path / "whole", 4096, 16))
    assert found.state is State.OK
    assert "1 pairs" in found.text
    short, long, _ = check_texts(profile(tmp_path / "short", 40, 2))
    assert str(short).startswith(
        "note  rows with mine: 15 of 30 gold answers take more tokens than max_new_tokens, 2: "
    )
    assert long.state is State.FIX
    assert "the longest prompt of one demonstration takes" in long.text
    assert "the model holds 40: set `max_characters`" in long.text
    (several, _) = check_texts(profile(tmp_path / "several", 100, 16))
    assert several.state is State.NOTE
    assert "a prompt of 4 demonstrations can take" in several.text
