"""`benchmark.leftovers`: what a renaming leaves is listed at once, and one command removes it and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmark.errors import BenchmarkError
from benchmark.leftovers import leftovers, refuse, remove
from benchmark.params import Params, load_params
from benchmark.stages.stage import instances

ROOT = Path(__file__).parents[1]
OLD = (
    "data/datasets/old",
    "data/activations/gone",
    "data/quality/tiny_llama/old",
    "data/planted/gone",
    "data/sae/gone",
    "data/features/tiny_llama/old",
    "data/text/old.jsonl",
    "data/prompts/gone",
    "data/prompts/tiny_llama/old.csv",
    "data/answers/tiny_llama/old",
    "data/labels/tiny_llama/old",
    "results/cells/gone-topic.npz",
)
KEPT = (
    "data/datasets/topic/pool.jsonl",
    "data/datasets/parameters.json",
    "data/quality/tiny_llama/topic/key.json",
    "data/sae/tiny_llama/residual.safetensors",
    "data/features/tiny_llama/topic/features.npz",
    "data/text/topic.jsonl",
    "data/prompts/tiny_llama/topic.csv",
    "data/answers/tiny_llama/topic/answers.csv",
    "results/cells/tiny_llama-topic.npz",
)


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    params = load_params(ROOT / "params.yaml")
    monkeypatch.chdir(tmp_path)
    for path in (*OLD, *KEPT):
        Path(path if "." in path else f"{path}/file").parent.mkdir(parents=True, exist_ok=True)
        Path(path if "." in path else f"{path}/file").write_text("x")
    return params


def test_all_are_named_at_once_with_the_command(params: Params) -> None:
    with pytest.raises(BenchmarkError) as error:
        refuse(params)
    assert all(path in str(error.value) for path in OLD)
    assert "`python -m benchmark --params params.yaml clean`" in str(error.value)


def test_they_are_removed_and_nothing_else_and_the_lock_forgets_their_stages(params: Params) -> None:
    entries = {
        name: {"cmd": "x", "outs": [{"path": "y", "md5": "1e5"}]} for name in (*instances(params), "extract@gone")
    }
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": entries}, sort_keys=False))
    assert sorted(map(str, remove(params))) == sorted(OLD)
    assert not leftovers(params)
    assert all(Path(path).is_file() for path in KEPT)
    left = yaml.safe_load(Path("dvc.lock").read_text())
    assert left == {"schema": "2.0", "stages": {name: entries[name] for name in instances(params)}}
    refuse(params)
