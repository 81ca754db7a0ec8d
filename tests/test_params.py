"""Both profiles are complete, and a bad parameter is named with its value and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark.errors import BenchmarkError
from benchmark.params import load_params

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("path", ["params.yaml", "paper/params.yaml", "pretrained/params.yaml"])
def test_a_profile_is_complete_and_names_only_what_exists(path: str) -> None:
    from benchmark.activations.masks import MASKS
    from benchmark.activations.statistics import STATISTICS
    from benchmark.artefacts.features import STATISTICS as FEATURES

    params = load_params(ROOT / path)
    assert set(params.extraction.masks) == set(MASKS)
    assert set(params.extraction.sites["mlp_output"]) == set(STATISTICS)
    for family in params.claim.families.values():
        assert set(family.masks) <= set(params.extraction.masks)
        assert set(family.statistics) <= set(FEATURES if "declared" in family.layers else STATISTICS)
    assert params.paths.params == path


def _changed(tmp_path: Path, key: str, value: Any) -> Path:
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    *parents, last = key.split(".")
    section = content
    for parent in parents:
        section = section[parent]
    section[last] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("seed", "many", r"seed: .*valid integer.*not 'many'"),
        ("claim.bound", 1.5, r"claim\.bound: .*less than 1, not 1\.5"),
        ("extraction.kernel", "fast", r"extraction\.kernel: .*'auto', 'eager', 'compiled' or 'triton', not 'fast'"),
        ("quality.set", 4, r"quality\.set: .*not permitted"),
        ("models.tiny-llama", {"source": "embedded", "architecture": "llama", "seed": 0}, r"a key is lower-case"),
        ("models.tiny_llama.source", "web", r"models\.tiny_llama: .*'web'"),
        ("datasets", {}, r"datasets: .*at least 1"),
        ("device", "gpu", r"device: .*'gpu'"),
        ("selection.features", ["embeddings"], r"selection: .*`embeddings` need `embedder`, the package"),
    ],
)
def test_a_bad_value_is_named(tmp_path: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(BenchmarkError, match=message) as caught:
        load_params(_changed(tmp_path, key, value))
    assert "\n" not in str(caught.value)


def test_what_is_wrong_between_sections_begins_with_what_it_names(tmp_path: Path) -> None:
    known = yaml.safe_load((ROOT / "params.yaml").read_text())["sae"]["models"]
    path = _changed(tmp_path, "sae.models", {"elsewhere": next(iter(known.values()))})
    with pytest.raises(BenchmarkError, match=r"yaml: sae\.models names 'elsewhere', the models are"):
        load_params(path)
    with pytest.raises(BenchmarkError, match=r"yaml: selection\.unasked names 'elsewhere', the models are"):
        load_params(_changed(tmp_path, "selection.unasked", ["elsewhere"]))


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="is missing"):
        load_params(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(BenchmarkError, match="is not a YAML file"):
        load_params(tmp_path / "bad.yaml")
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(BenchmarkError, match="must hold a mapping"):
        load_params(tmp_path / "list.yaml")
